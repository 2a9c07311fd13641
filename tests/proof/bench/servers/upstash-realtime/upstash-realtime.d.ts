/* The part of `@upstash/realtime` that is used: the bench installs the package beside its builds, not into the template. */
declare module '@upstash/realtime' {
  export class Realtime {
    constructor(options: {
      readonly schema: object;
      readonly redis: import('@upstash/redis').Redis;
      readonly maxDurationSecs: number;
    });
    emit(event: string, data: unknown): Promise<void>;
    channel(name: string): { emit(event: string, data: unknown): Promise<void> };
  }
  export function handle(options: {
    readonly realtime: Realtime;
  }): (request: Request) => Promise<Response | undefined>;
}

/* And of its client. */
declare module '@upstash/realtime/client' {
  import type { Context, ReactNode } from 'react';

  type Told = (payload: { readonly id?: string }) => void;
  export const RealtimeContext: Context<{
    readonly status: 'connected' | 'disconnected' | 'error' | 'connecting';
    readonly register: (id: string, channels: readonly string[], told: Told) => void;
    readonly unregister: (id: string) => void;
  } | null>;
  export function RealtimeProvider(properties: {
    readonly children: ReactNode;
    readonly api: { readonly url: string };
  }): ReactNode;
  export function useRealtime(options: {
    readonly channels: readonly string[];
    readonly onData: (event: {
      readonly event: string;
      readonly channel: string;
      readonly data: unknown;
    }) => void;
  }): { readonly status: string };
}
