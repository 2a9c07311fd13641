import { setTimeout as sleep } from 'node:timers/promises';
import { type Seeded, seeded } from '../../support/seeded.ts';
import { type Fact, seqOf, type Violation } from './oracle/history.ts';
import type { Mark } from './oracle/judge-log.ts';

/** Publishes until `stop`. Each request has an idempotency key and is sent again until the server acknowledges it. */
export type Publisher = {
  /** Waits until the open request is acknowledged, and publishes nothing more. */
  stop(): Promise<void>;
  /** Publishes the last event of each channel. */
  finish(channels: readonly string[]): Promise<void>;
};

export type PublisherOptions = {
  readonly name: string;
  /** Its own address of the load balancer. */
  readonly url: string;
  readonly draw: Seeded;
  readonly token: string;
  readonly channels: readonly string[];
  readonly types: readonly string[];
  /** Mean pause between two requests, in ms. */
  readonly pauseMs: number;
  /** Called with the acknowledged events. */
  readonly onStored: (facts: readonly Fact[]) => void;
  /** Called for each failed attempt. */
  readonly onRetry: () => void;
  readonly onViolation: (violation: Violation) => void;
};

type Answer = { readonly events: readonly { readonly id: string; readonly channel: string }[] };

const answerWithinMs = 4_000;

/** Most requests have a few events. One in four has many, so that some chunks of streams are large. */
function drawCount(draw: Seeded): number {
  return draw.chance(0.25) ? draw.whole(20, 80) : draw.whole(1, 8);
}

export function startPublisher(options: PublisherOptions): Publisher {
  const { name, draw, channels, types } = options;
  let request = 0;

  async function publish(events: readonly NewFact[]): Promise<void> {
    const body = JSON.stringify(events);
    const key = `${name} ${request}`;
    for (;;) {
      const answer = await send(options, key, body);
      if (answer !== null) {
        options.onStored(
          answer.events.map(({ id, channel }, index) => ({
            ...{ channel, id, seq: seqOf(id) },
            ...{ type: events[index]?.type ?? '', text: JSON.stringify(events[index]?.data) },
          })),
        );
        return;
      }
      options.onRetry();
      await sleep(draw.whole(50, 400));
    }
  }

  function compose(): readonly NewFact[] {
    const count = drawCount(draw);
    const channel = draw.pick(channels);
    // One request in ten goes to two channels. The log still stores it in one step.
    const other = draw.chance(0.1) ? draw.pick(channels.filter((each) => each !== channel)) : null;
    const at = performance.now();
    const mark = (index: number, of: number): Mark => ({ publisher: name, request, index, of, at });
    const events = Array.from({ length: count }, (_, index) => ({
      ...{ channel, type: draw.pick(types), data: mark(index, count), ...drawSubject(draw) },
    }));
    return other === null
      ? events
      : [...events, { channel: other, type: draw.pick(types), data: mark(0, 1) }];
  }

  const stop = keepPublishing(draw, options.pauseMs, () => {
    request += 1;
    return publish(compose());
  });
  return {
    stop,
    async finish(all) {
      request += 1;
      const at = performance.now();
      const data: Mark = { publisher: name, request, index: 0, of: 1, at };
      // One event of each type, so that every filter has a last event.
      for (const type of types) {
        request += 1;
        await publish(all.map((channel) => ({ channel, type, data: { ...data, request } })));
      }
    },
  };
}

type NewFact = {
  readonly channel: string;
  readonly type: string;
  readonly data: Mark;
  readonly subject?: string;
  readonly remove?: true;
};

/** Half of the events are about one of a few subjects, and one of five such events removes it. */
function drawSubject(draw: Seeded): Pick<NewFact, 'subject' | 'remove'> {
  const subject = `s${draw.whole(1, 12)}`;
  if (draw.chance(0.5)) return {};
  return draw.chance(0.2) ? { subject, remove: true } : { subject };
}

/** Sends a request once. Null: no acknowledgement arrived, but the events may be stored. */
async function send(options: PublisherOptions, key: string, body: string): Promise<Answer | null> {
  const { name, url, token, onViolation } = options;
  try {
    const response = await fetch(`${url}/api/events`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${token}`,
        'idempotency-key': key,
      },
      body,
      signal: AbortSignal.timeout(answerWithinMs),
    });
    if (response.ok) return (await response.json()) as Answer;
    const text = await response.text();
    if (response.status < 500 && response.status !== 429) {
      onViolation({ kind: 'publisher', who: name, what: `${key} was refused: ${text}`, lost: 0 });
    }
    return null;
  } catch {
    // The network, a process or Redis is down: the test expects that.
    return null;
  }
}

/** The options that differ between publishers. */
export type OwnOptions = Pick<PublisherOptions, 'name' | 'url' | 'draw'>;

export type PublishersOptions = {
  readonly count: number;
  /** The name before the number: `publisher` gives `publisher 1`. */
  readonly called: string;
  readonly seed: number;
  readonly addressFor: (client: string) => Promise<string>;
  readonly start: (own: OwnOptions) => Publisher;
};

/** Starts publishers, each with its own address of the load balancer. */
export function startPublishers({
  count,
  called,
  seed,
  addressFor,
  start,
}: PublishersOptions): Promise<readonly Publisher[]> {
  const numbers = Array.from({ length: count }, (_, index) => index + 1);
  return Promise.all(
    numbers.map(async (number) => {
      const name = `${called} ${number}`;
      return start({ name, url: await addressFor(name), draw: seeded(seed + 100 + number) });
    }),
  );
}

/**
 * Publishes again and again, with random pauses between requests.
 * @param pauseMs mean pause, in ms.
 * @param publish sends one request and resolves when it is acknowledged.
 * @returns a function that stops; it resolves when the open request is acknowledged.
 */
export function keepPublishing(
  draw: Seeded,
  pauseMs: number,
  publish: () => Promise<void>,
): () => Promise<void> {
  let isStopped = false;
  const run = async (): Promise<void> => {
    while (!isStopped) {
      await publish();
      await sleep(draw.next() * 2 * pauseMs);
    }
  };
  const running = run();
  return () => {
    isStopped = true;
    return running;
  };
}
