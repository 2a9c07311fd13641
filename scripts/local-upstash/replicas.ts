import type { Redis } from 'ioredis';
import type { Command } from './refused-commands.ts';

/** Connections to replicas, made when they are first needed. */
export type Replicas = {
  /** Who runs a command: the replica where there is one and the command only reads, else the server itself. */
  for(command: Command, port: number | null): Redis;
  close(): void;
};

/** @param redis the server itself. */
export function createReplicas(redis: Redis): Replicas {
  const open = new Map<number, Redis>();
  return {
    for(command, port) {
      if (port === null || !isReadingScript(command)) return redis;
      const known = open.get(port) ?? redis.duplicate({ port });
      if (!open.has(port)) known.on('error', () => undefined);
      open.set(port, known);
      return known;
    },
    close() {
      for (const replica of open.values()) replica.disconnect();
    },
  };
}

/** Whether it is a script that calls no command that writes, of those a log needs. */
function isReadingScript([name = '', script = '']: Command): boolean {
  return name.toUpperCase() === 'EVAL' && !/'(XADD|XTRIM|SET|DEL|PUBLISH)'/.test(script);
}
