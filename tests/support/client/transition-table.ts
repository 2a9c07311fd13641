import { isCatchingUp } from '../../../lib/client/connection/lifecycle.ts';
import type { Connection } from '../../../lib/client/connection/state.ts';
import { statusOf } from '../../../lib/client/connection/status.ts';
import { eventItem } from './feed-items.ts';
import { pollingReader, reader, streamingReader } from './reader.ts';

type Reader = ReturnType<typeof reader>;

/** Every state that the page can tell apart, and how a reader gets into it. */
const states: readonly (readonly [name: string, make: () => Reader])[] = [
  ['connecting', () => reader()],
  ['streaming', () => streamingReader()],
  [
    'handing over',
    () =>
      tap(
        streamingReader(),
        (it) => it.passes(2_000),
        (it) => it.handover('30-3~aaaaaa'),
      ),
  ],
  ['waiting', () => tap(streamingReader({ backoffMs: 20_000 }), (it) => it.disconnects())],
  ['polling', () => tap(pollingReader(), (it) => it.isPolled([], '30-3~aaaaaa'))],
  [
    'probing',
    () =>
      tap(
        pollingReader(),
        (it) => it.isPolled([], '30-3~aaaaaa'),
        (it) => it.happens('online'),
        (it) => it.isPolled([], '30-3~aaaaaa'),
      ),
  ],
  ['resting', () => tap(streamingReader(), rest)],
  ['standby', () => tap(streamingReader(), (it) => it.happens('standBy'))],
  [
    'catching up',
    () =>
      tap(
        streamingReader(),
        (it) => it.happens('standBy'),
        (it) => it.happens('catchUp'),
      ),
  ],
  ['paused (hidden)', () => tap(streamingReader(), (it) => it.happens('hidden'), paused)],
  ['paused (off)', () => tap(streamingReader(), (it) => it.happens('disabled'))],
  ['stopped (refused)', () => tap(reader(), (it) => it.isRefused(403))],
  ['ended', () => tap(streamingReader(), (it) => it.channelEnds('30-3~aaaaaa'))],
  ['stopped (closed)', () => tap(reader(), (it) => it.happens('close'))],
];

/** The server hands over, because nothing happens. */
function rest(it: Reader): void {
  it.handover('30-3~aaaaaa', 'quiet', it.stream().key, 5_000);
}

/** The page is hidden for a minute, and the stream lives on. */
function paused(it: Reader): void {
  for (let seconds = 0; seconds < 60; seconds += 15) {
    it.heartbeat('30-3~aaaaaa');
    it.passes(15_000);
  }
}

/** Every signal, as the stream, the poll or the page sends it. */
const signals: readonly (readonly [name: string, act: (it: Reader) => unknown])[] = [
  ['hello', (it) => onStream(it, () => it.goesLive())],
  ['event', (it) => onStream(it, () => it.gets([eventItem(4)]))],
  ['a discontinuity', (it) => onStream(it, () => it.gets([eventItem(6)]))],
  [
    'handover',
    (it) =>
      onStream(it, () =>
        tap(
          it,
          (one) => one.passes(2_000),
          (one) => one.handover('30-3~aaaaaa'),
        ),
      ),
  ],
  ['handover quiet', (it) => onStream(it, () => (it.stream().phase === 'live' ? rest(it) : cannot))],
  ['channels ended', (it) => onStream(it, () => it.channelEnds('30-3~aaaaaa'))],
  ['clean end', (it) => onStream(it, () => it.ends())],
  ['disconnected', (it) => onStream(it, () => it.disconnects())],
  ['timeout', (it) => onStream(it, () => it.passes(it.stream().timeout.at - it.now))],
  ['answered 204', (it) => onStream(it, () => it.isRefused(204, { problem: null }))],
  ['refused 401', (it) => onStream(it, () => it.isRefused(401))],
  ['refused 403', (it) => onStream(it, () => it.isRefused(403))],
  ['refused 429', (it) => onStream(it, () => it.isRefused(429, { retryAfterMs: 9_000 }))],
  ['refused 503', (it) => onStream(it, () => it.isRefused(503))],
  ['page', (it) => onPoll(it, () => it.isPolled([eventItem(4)], '40-4~aaaaaa'))],
  ['page: ended', (it) => onPoll(it, () => it.isPolled([], '30-3~aaaaaa', { hasEnded: true }))],
  ['poll failed', (it) => onPoll(it, () => it.pollFails())],
  ['moved', (it) => it.tell({ kind: 'moved', reader: it.state.reader, accepted: [] })],
  ['end', (it) => it.happens('end')],
  ['stand by', (it) => it.happens('standBy')],
  ['activate', (it) => it.tell({ kind: 'activate', known: null })],
  ['catch up', (it) => it.happens('catchUp')],
  ['online', (it) => it.happens('online')],
  ['offline', (it) => it.happens('offline')],
  ['hidden', (it) => it.happens('hidden')],
  ['visible', (it) => it.happens('visible')],
  ['frozen', (it) => it.happens('frozen')],
  ['restored', (it) => it.happens('restored')],
  ['woke', (it) => it.happens('woke')],
  ['retry', (it) => it.happens('retry')],
  ['disabled', (it) => it.happens('disabled')],
  ['enabled', (it) => it.happens('enabled')],
  ['close', (it) => it.happens('close')],
];

const cannot = Symbol('cannot happen');

function onStream(it: Reader, act: () => unknown): unknown {
  return it.state.streams.length === 0 ? cannot : act();
}

function onPoll(it: Reader, act: () => unknown): unknown {
  const { poll, pollAt } = it.state;
  if (poll === null && pollAt !== null) it.passes(pollAt - it.now);
  return it.state.poll === null ? cannot : act();
}

function tap(it: Reader, ...acts: readonly ((it: Reader) => unknown)[]): Reader {
  for (const act of acts) act(it);
  return it;
}

/** The word for a state in the table. */
function word(state: Connection): string {
  if (state.mode === 'polling' && state.streams.length > 0) return 'probing';
  if (state.mode === 'standby') return isCatchingUp(state) ? 'catching up' : 'standby';
  const status = statusOf(state);
  if (state.mode === 'paused') return `paused (${state.pausedBy === 'disabled' ? 'off' : state.pausedBy})`;
  return state.mode === 'stopped' ? `stopped (${state.stoppedBy})` : status;
}

function cell(make: () => Reader, act: (it: Reader) => unknown): string {
  const it = make();
  const before = word(it.state);
  const keys = it.state.streams.map(({ key }) => key).join();
  if (act(it) === cannot) return '';
  const after = word(it.state);
  if (after !== before) return after;
  const isSame = keys === it.state.streams.map(({ key }) => key).join();
  return isSame ? '·' : 'anew';
}

/** The table of transitions as Markdown: what the reducer makes of each state by each signal. */
export function transitionTable(): string {
  const head = ['signal', ...states.map(([name]) => name)];
  const rows = signals.map(([name, act]) => [name, ...states.map(([, make]) => cell(make, act))]);
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Each state's name, and the word for the state that was made: a test holds them equal. */
export function statesAsMade(): readonly (readonly [string, string])[] {
  return states.map(([name, make]) => [name, word(make().state)]);
}

if (import.meta.main) console.log(transitionTable());
