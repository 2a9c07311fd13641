import {
  type Finding,
  judgeAnswer,
  judgeBuilds,
  judgeClock,
  judgeEnd,
  judgeEnds,
  judgeEviction,
  judgeGap,
  judgeHealth,
  judgeLatency,
  judgeLongPoll,
  judgeOneBehind,
  judgeParallel,
  judgePolls,
  judgePublishing,
  judgeReader,
  judgeRefusals,
  judgeResume,
  judgeStart,
} from './judge.ts';
import {
  probeEnd,
  probeEvents,
  probeGap,
  probeLongPoll,
  probeParallel,
  probePolls,
  probeReader,
  probeResume,
  probeSilence,
} from './probes.ts';
import { type Answer, createTarget, publishHeaders, type Target, type TargetOptions } from './target.ts';

export type ExamineOptions = TargetOptions & {
  /** How long to watch streams, in ms: 30,000 or more. */
  readonly watchMs: number;
  /** Called when a probe begins and ends. */
  readonly onProgress: (text: string) => void;
};

/** Looks at a deployment as readers and publishers see it. @returns one finding per check. */
export async function examine(options: ExamineOptions): Promise<readonly Finding[]> {
  const { watchMs, onProgress } = options;
  const target = createTarget(options);
  onProgress(`asking ${target.url} for its health`);
  const health = await target.ask('/api/health', 20_000);
  const isFailing = health !== null && health.status === 503;
  const page = isFailing ? await target.ask(`/api/events?channel=${target.channel('health')}`, 20_000) : null;
  const reached = judgeHealth(health, target.lastFailure(), page);
  if (health === null || reached.verdict === 'fail') return [reached];
  const clock = judgeClock(health, Date.now());
  const publishing = judgePublishing(await askToPublish(target, options.publishToken));

  onProgress(`opening two streams, and watching them for ${watchMs / 1_000} s`);
  const watch = async <T>(name: string, probe: Promise<T>): Promise<T> => {
    const result = await probe;
    onProgress(`done: ${name}`);
    return result;
  };
  const [events, silence, parallel, resume, polls, longPoll, gap, end, reader] = await Promise.all([
    watch('events on a stream', probeEvents(target, watchMs)),
    watch('silence on a stream', probeSilence(target, watchMs)),
    watch('requests beside streams', probeParallel(target)),
    watch('resuming by header', probeResume(target)),
    watch('polls', probePolls(target)),
    watch('long polls', probeLongPoll(target)),
    watch('gap', probeGap(target)),
    watch('a channel that ends', probeEnd(target)),
    watch('reading with this client, across a cut', probeReader(target, watchMs)),
  ]);
  const answer = judgeAnswer(events.record);
  return [
    reached,
    ...judgeEviction(health),
    clock,
    publishing,
    ...answer,
    ...(answer.some(({ verdict }) => verdict === 'fail') ? [] : [judgeStart(events)]),
    judgeOneBehind(events),
    judgeLatency(events),
    ...judgeEnds(events, silence, watchMs),
    judgeParallel(parallel.answer),
    judgeBuilds(parallel.builds),
    judgeResume(resume),
    judgePolls(polls),
    judgeLongPoll(longPoll),
    judgeGap(gap),
    judgeEnd(end),
    judgeReader(reader),
    judgeRefusals(target.foreignRefusals, target.sent()),
  ];
}

async function askToPublish(target: Target, token: string | null) {
  const send = (publishToken: string | null): Promise<Answer | null> =>
    target.ask('/api/events', 10_000, {
      method: 'POST',
      headers: publishHeaders(publishToken),
      body: JSON.stringify({ channel: target.channel('publishing'), data: { number: 0 } }),
    });
  const { hostname } = new URL(target.url);
  return {
    without: await send(null),
    wrong: await send('not-the-token'),
    given: token === null ? null : await send(token),
    isTokenGiven: token !== null,
    isLocal: hostname === 'localhost' || hostname === '127.0.0.1' || hostname === '[::1]',
  };
}
