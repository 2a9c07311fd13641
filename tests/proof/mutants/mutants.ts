/** A guard, and the change that breaks it. */
export type Mutant = {
  /** What the broken code does. */
  readonly name: string;
  readonly file: string;
  /** The text to replace; it is in the file exactly once. */
  readonly find: string;
  readonly replace: string;
  /** The test projects in which a test must fail. */
  readonly projects: readonly string[];
};

/** All mutants. Each breaks one guard of a promise. */
export const mutants: readonly Mutant[] = [
  {
    name: 'the tail does not read the log again after its subscription is ready',
    file: 'lib/server/tail/ring-sync.ts',
    find: 'return connect({ ...state, isConnected: true, trust: unverified(state.trust) }, now);',
    replace: 'return withEffects({ ...state, isConnected: true });',
    projects: ['server'],
  },
  {
    name: 'the tail ignores a missing announcement',
    file: 'lib/server/tail/ring-sync.ts',
    find: "isDense && continuity.kind === 'continue' ? added : null",
    replace: 'added',
    projects: ['server'],
  },
  {
    name: 'a process that was frozen trusts its memory',
    file: 'lib/server/tail/tails.ts',
    find: 'for (const tail of tails) tail.restart();',
    replace: '{}',
    projects: ['server'],
  },
  {
    name: 'the server trusts a replica that lags',
    file: 'lib/core/continuity.ts',
    find: 'return isStale ?',
    replace: 'return false ?',
    projects: ['core'],
  },
  {
    name: 'a missing event is not reported as a gap',
    file: 'lib/core/continuity.ts',
    find: 'if (next.seq === id.seq + 1) return null;',
    replace: 'if (next.seq > id.seq) return null;',
    projects: ['core'],
  },
  {
    name: 'a new epoch is taken for the old one',
    file: 'lib/core/continuity.ts',
    find: 'if (position.epoch !== null && position.epoch !== epoch)',
    replace: 'if (false as boolean)',
    projects: ['core'],
  },
  {
    name: 'Redis does not look up the idempotency key in the step that stores',
    file: 'lib/log/redis/storage.ts',
    find: "local known = redis.call('GET', record)",
    replace: 'local known = false',
    projects: ['log'],
  },
  {
    name: 'the embedded log stores a request again though it knows its idempotency key',
    file: 'lib/log/sqlite/sqlite-log.ts',
    find: 'if (earlier !== null) return { result: earlier, stored: new Map() };',
    replace: '',
    projects: ['log'],
  },
  {
    name: 'the driver of the embedded log waits for a lock, and the whole process with it',
    file: 'lib/log/sqlite/database.ts',
    find: '{ timeout: 0 }',
    replace: '{ timeout: 2_000 }',
    projects: ['log'],
  },
  {
    name: 'an append overtakes those that wait for the lock of the file',
    file: 'lib/log/sqlite/step-queue.ts',
    find: 'if (waiting.length === 0 && attempt() === null) return;',
    replace: 'if (attempt() === null) return;',
    projects: ['log'],
  },
  {
    name: 'a process goes on asking a Redis that has named a time',
    file: 'lib/log/redis/circuit-breaker.ts',
    find: 'if (leftMs > 0) throw repeat(refusal.error, leftMs);',
    replace: '',
    projects: ['log'],
  },
  {
    name: 'Redis announces the last event of a request but does not store it',
    file: 'lib/log/redis/storage.ts',
    find: "    redis.call('XADD', KEYS[c], id, 'epoch', log.epoch, 'event', ARGV[e])",
    replace:
      "    if e < log.lastArg then redis.call('XADD', KEYS[c], id, 'epoch', log.epoch, 'event', ARGV[e]) end",
    projects: ['log'],
  },
  {
    name: 'the server ignores Last-Event-ID',
    file: 'lib/server/http/read-query.ts',
    find: 'if (resume) return',
    replace: 'if (false as boolean && resume) return',
    projects: ['server'],
  },
  {
    name: 'a stream does not end before the platform’s limit',
    file: 'lib/server/stream/deadline.ts',
    find: '(limitSeconds - margin - jitter)',
    replace: '(limitSeconds + margin - jitter)',
    projects: ['server'],
  },
  {
    name: 'the server keeps writing to a reader that does not read',
    file: 'lib/server/node/sockets.ts',
    find: 'if (socket.write(bytes)) return true;',
    replace: 'if (socket.write(bytes) || !socket.destroyed) return true;',
    projects: ['server'],
  },
  {
    name: 'one allowed channel opens all requested channels',
    file: 'lib/server/http/access.ts',
    find: 'const refused = closed.find((channel) => !mayRead',
    replace: 'const refused = closed.slice(0, 1).find((channel) => !mayRead',
    projects: ['server'],
  },
  {
    name: 'a response to a request with a token may be shared',
    file: 'lib/server/http/events-route.ts',
    find: 'channels.length === 1 && !hasToken &&',
    replace: 'channels.length === 1 &&',
    projects: ['server'],
  },
  {
    name: 'the client sends no cursor',
    file: 'lib/client/transport/http.ts',
    find: "else if (more.after) add('after', more.after);\n",
    replace: '',
    projects: ['client'],
  },
  {
    name: 'the client accepts an event twice',
    file: 'lib/client/connection/sequencer.ts',
    find: '  if (hasPassed(known, position)) return confirm(context, channel, next);\n  const loss',
    replace: '  const loss',
    projects: ['client'],
  },
  {
    name: 'the client ignores a missing event',
    file: 'lib/client/connection/sequencer.ts',
    find: 'return loss !== null && !isExcused ? { channel, loss } :',
    replace: 'return loss !== null && channel === null ? { channel, loss } :',
    projects: ['client'],
  },
  {
    name: 'the client leaves the old stream before the new one has caught up',
    file: 'lib/client/connection/on-stream.ts',
    find: '|| !hasReached(next.source, next.switchAt)) return state;',
    replace: ') return state;',
    projects: ['client'],
  },
  {
    name: 'the client counts a planned end as a failure',
    file: 'lib/client/connection/on-stream.ts',
    find: 'return stream.isEnding ? onPlannedEnd(state, stream, now) : failStream',
    replace: 'return failStream',
    projects: ['client'],
  },
  {
    name: 'the client waits too long for a silent stream',
    file: 'lib/client/connection/on-stream.ts',
    find: 'at: now + 2.5 * heartbeatMs',
    replace: 'at: now + 250 * heartbeatMs',
    projects: ['client'],
  },
  {
    name: 'tabs of two users share their events',
    file: 'lib/client/tabs/tab-group.ts',
    find: 'token === null ? [] : readClaims(token).subject',
    replace: 'token === null ? [] : readClaims(token).subject.slice(0, 0)',
    projects: ['client'],
  },
  {
    name: 'anyone can publish without a token',
    file: 'lib/server/http/access.ts',
    find: 'timingSafeEqual(given, digest(newest))',
    replace: 'timingSafeEqual(given, given)',
    projects: ['server'],
  },
  {
    name: 'a read token with another signature algorithm is accepted',
    file: 'lib/server/http/access.ts',
    find: "algorithms: ['HS256']",
    replace: "algorithms: ['HS256', 'HS512']",
    projects: ['server'],
  },
  {
    name: 'a long poll takes no slot',
    file: 'lib/server/admission.ts',
    find: 'giveBack ??= admission.takeSlot(request, channels);',
    replace: 'giveBack ??= () => undefined;',
    projects: ['server'],
  },
  {
    name: 'a poll that is ahead of the log waits for it without a slot',
    file: 'lib/server/http/page.ts',
    find: '    slot.take();\n',
    replace: '',
    projects: ['server'],
  },
  {
    name: 'a rewind by count starts one event too early',
    file: 'lib/log/redis/storage.ts',
    find: 'lastSeq - count + 1',
    replace: 'lastSeq - count',
    projects: ['log'],
  },
  {
    name: 'any number of pipelined requests is handled at once',
    file: 'lib/server/node/socket-limits.ts',
    find: 'pipeline.waiting + 1 >= limits.most',
    replace: 'false',
    projects: ['server'],
  },
  {
    name: 'an address may take more slots than its limit',
    file: 'lib/server/admission.ts',
    find: 'if (held + channels > most) {',
    replace: 'if (held > most) {',
    projects: ['server'],
  },
  {
    name: 'the body of a publish request may take any time to arrive',
    file: 'lib/server/http/publish-body.ts',
    find: 'clock.after(maxBodyMs, () => {',
    replace: 'clock.after(100 * maxBodyMs, () => {',
    projects: ['server'],
  },
  {
    name: 'readers that are refused together retry together',
    file: 'lib/server/http/problem.ts',
    find: '1 + Math.random()',
    replace: '1',
    projects: ['server'],
  },
  {
    name: 'an error is logged with the tokens in its text',
    file: 'lib/server/http/problem.ts',
    find: ".replace(token, '[token]')",
    replace: '',
    projects: ['server'],
  },
];
