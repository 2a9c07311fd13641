/* The part of `@trpc/server` that is used: the bench installs the package beside its builds, not into the template. */
declare module '@trpc/server' {
  type Router = { readonly _def: object };
  type Procedure = object;
  type Builder = {
    input(schema: object): Builder;
    mutation(run: (options: { readonly input: readonly { readonly data: string }[] }) => unknown): Procedure;
    subscription(run: (options: { readonly signal: AbortSignal }) => AsyncIterable<unknown>): Procedure;
  };
  export const initTRPC: {
    create(options: {
      readonly sse: { readonly ping: { readonly enabled: boolean; readonly intervalMs: number } };
    }): {
      router(procedures: Readonly<Record<string, Procedure>>): Router;
      readonly procedure: Builder;
    };
  };
  export function tracked(id: string, data: unknown): unknown;
}

declare module '@trpc/server/adapters/fetch' {
  export function fetchRequestHandler(options: {
    readonly endpoint: string;
    readonly req: Request;
    readonly router: object;
    readonly createContext: () => object;
  }): Promise<Response>;
}
