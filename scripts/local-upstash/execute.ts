import type { Redis } from 'ioredis';
import { type Command, refusalOf } from './refused-commands.ts';
import { type Encoding, encodeReply, type Reply } from './reply.ts';

/** Runs one command. An error of Redis, or of the way to it, is a reply. */
export async function execute(redis: Redis, command: Command, encoding: Encoding): Promise<Reply> {
  const refusal = refusalOf(command);
  if (refusal !== null) return { error: refusal };
  const [name = '', ...args] = command;
  try {
    return { result: encodeReply(await redis.callBuffer(rawName(name), args), encoding) };
  } catch (error) {
    return { error: messageOf(error) };
  }
}

/** Runs commands one after the other; others' may come between. */
export async function executeEach(
  redis: Redis,
  commands: readonly Command[],
  encoding: Encoding,
): Promise<Reply[]> {
  const replies: Reply[] = [];
  for (const command of commands) replies.push(await execute(redis, command, encoding));
  return replies;
}

/** Runs commands as a transaction: a reply each, or one error when it is discarded as a whole. */
export async function executeTogether(
  redis: Redis,
  commands: readonly Command[],
  encoding: Encoding,
): Promise<Reply[] | Reply> {
  const refusal = commands.map(refusalOf).find((text) => text !== null);
  if (refusal !== undefined) return { error: `EXECABORT Transaction discarded because of: ${refusal}` };
  const calls = redis.pipeline();
  calls.callBuffer(rawName('multi'));
  for (const [name = '', ...args] of commands) calls.callBuffer(rawName(name), args);
  calls.callBuffer(rawName('exec'));
  const outcomes = (await calls.exec()) ?? [];
  const [discarded, values] = outcomes.at(-1) ?? [];
  if (!Array.isArray(values)) return { error: messageOf(discarded) };
  return values.map((value) =>
    value instanceof Error ? { error: messageOf(value) } : { result: encodeReply(value, encoding) },
  );
}

/** ioredis rearranges arguments and replies of commands whose name it knows (HGETALL, MSET); it knows them in small letters. */
function rawName(name: string): string {
  return name.toUpperCase();
}

function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  // Redis begins its errors with a word in capitals; what ioredis says of a lost connection does not.
  return /^[A-Z]{2,}\b/.test(text) ? text : `ERR ${text}`;
}
