/* The part of `@upstash/realtime` that is used: the bench installs the package beside its builds, not into the template. */
declare module '@upstash/realtime' {
  export class Realtime {
    constructor(options: {
      readonly schema: object;
      readonly redis: import('@upstash/redis').Redis;
      readonly maxDurationSecs: number;
    });
    emit(event: string, data: unknown): Promise<void>;
  }
  export function handle(options: {
    readonly realtime: Realtime;
  }): (request: Request) => Promise<Response | undefined>;
}
