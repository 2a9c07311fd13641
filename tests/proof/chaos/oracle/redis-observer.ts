import { Redis } from 'ioredis';
import { type Fact, seqOf } from './history.ts';
import type { Truth } from './truth.ts';

/** Listens to Redis directly, so that no fault outside of Redis affects it, and records what is stored. */
export type RedisObserver = {
  /** Connects and records what is stored. Call it after each start of Redis. */
  listen(): Promise<void>;
  /** Records what Redis has now, and what it deleted. */
  look(): Promise<void>;
  /** Deletes all but the newest events of each channel, and records it. */
  trim(keep: number): Promise<void>;
  /** Stops all writes and records the last ones. Redis must be ended next. */
  stopWrites(): Promise<void>;
  /** Disconnects until `listen`. */
  leave(): void;
  /** Runs a Redis command. */
  call(command: string, ...args: readonly string[]): Promise<unknown>;
};

const keyOf = (channel: string) => `steadfeed:log:${channel}`;
const latestOf = (channel: string) => `steadfeed:latest:${channel}`;

/** Subject → id, of the state as Redis has it: subject → id, a tab, and the event. */
function idsOf(hash: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(hash).map(([subject, value]) => [subject, value.slice(0, value.indexOf('\t'))]),
  );
}

export function createRedisObserver(port: number, channels: readonly string[], truth: Truth): RedisObserver {
  const connect = () => {
    const redis = new Redis({ port, host: '127.0.0.1', retryStrategy: () => null, lazyConnect: true });
    redis.on('error', () => undefined);
    return redis;
  };
  let admin = connect();
  let listener = connect();

  async function look(): Promise<void> {
    for (const channel of channels) {
      const upTo = truth.lastSeq(channel);
      const replies = await admin.multi().xrange(keyOf(channel), '-', '+').hgetall(latestOf(channel)).exec();
      const entries = (replies?.[0]?.[1] ?? []) as readonly StreamEntry[];
      const kept = keptOf(channel, entries);
      truth.compare(channel, kept, upTo);
      const last = kept?.events.at(-1);
      const hash = (replies?.[1]?.[1] ?? {}) as Readonly<Record<string, string>>;
      if (last !== undefined) truth.compareState(channel, last.id, idsOf(hash));
    }
  }

  return {
    async listen() {
      for (const redis of [admin, listener]) redis.disconnect();
      admin = connect();
      listener = connect();
      await Promise.all([admin.connect(), listener.connect()]);
      listener.on('message', (name: string, text: string) => {
        const [epoch = '', id = '', ...entries] = text.split('\t');
        const channel = name.slice('steadfeed:'.length);
        truth.store(
          epoch,
          entries.map((entry, index) => factOf(channel, idPlus(id, index), entry)),
        );
      });
      await listener.subscribe(...channels.map((channel) => `steadfeed:${channel}`));
      await look();
    },
    look,
    async trim(keep) {
      for (const channel of channels) {
        const key = keyOf(channel);
        const upTo = truth.lastSeq(channel);
        const replies = await admin.multi().xrange(key, '-', '+').xtrim(key, 'MAXLEN', keep).exec();
        truth.compare(channel, keptOf(channel, (replies?.[0]?.[1] ?? []) as readonly StreamEntry[]), upTo);
      }
      await look();
    },
    async stopWrites() {
      await admin.call('CLIENT', 'PAUSE', '60000', 'WRITE');
      await look();
    },
    leave() {
      for (const redis of [admin, listener]) redis.disconnect();
    },
    call: (command, ...args) => admin.call(command, ...args),
  };
}

/** An entry of a stream as Redis answers it. */
type StreamEntry = readonly [id: string, fields: readonly string[]];

function keptOf(channel: string, entries: readonly StreamEntry[]) {
  const [first] = entries;
  if (first === undefined) return null;
  const events = entries.map(([id, fields]) => factOf(channel, id, fields[3] ?? ''));
  return { epoch: first[1][1] ?? '', events };
}

const entryPattern = /^\{"type":"([^"]+)"(?:,"subject":"([^"]+)")?(,"remove":true)?,"data":(.*)\}$/s;

function factOf(channel: string, id: string, entry: string): Fact {
  const [, type = '', subject, remove, text = ''] = entryPattern.exec(entry) ?? [];
  const about = subject === undefined ? {} : { subject, remove: remove !== undefined };
  return { channel, id, seq: seqOf(id), type, text, ...about };
}

function idPlus(id: string, count: number): string {
  return `${id.slice(0, id.indexOf('-'))}-${seqOf(id) + count}`;
}
