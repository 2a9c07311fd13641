import { within } from '../node/eventually.ts';

type Fields = Readonly<Record<string, unknown>>;

/** A session of WebDriver BiDi: what is needed of it here. */
export type Bidi = {
  /** Sends a command; gives its result. @throws Error with what the browser says of it. */
  send(method: string, params: Fields): Promise<Fields>;
  /** Runs a function in a page; its arguments and what it gives go through JSON. @throws Error when it throws. */
  evaluate<A extends readonly unknown[], R>(
    context: string,
    run: (...args: A) => R,
    args: A,
  ): Promise<Awaited<R>>;
  /** Errors that a page's console and scripts tell from now on. */
  errorsOf(context: string): readonly string[];
  close(): void;
};

type Message = {
  readonly id?: number;
  readonly method?: string;
  readonly result?: Fields;
  readonly params?: {
    readonly level?: string;
    readonly text?: string;
    readonly source?: { readonly context?: string };
  };
};

const patienceMs = 20_000;

/** Opens a session at `address`, a WebSocket of the browser. */
export async function openBidi(address: string): Promise<Bidi> {
  const socket = new WebSocket(address);
  const waiting = new Map<number, (message: Message) => void>();
  const errors = new Map<string, string[]>();
  let lastId = 0;

  socket.addEventListener('message', ({ data }) => {
    const message = JSON.parse(String(data)) as Message;
    if (message.id !== undefined) return waiting.get(message.id)?.(message);
    const { level, text = '', source } = message.params ?? {};
    if (message.method === 'log.entryAdded' && level === 'error')
      errors.get(source?.context ?? '')?.push(text);
  });

  async function send(method: string, params: Fields): Promise<Fields> {
    lastId += 1;
    const id = lastId;
    const answer = new Promise<Message>((resolve) => waiting.set(id, resolve));
    socket.send(JSON.stringify({ id, method, params }));
    const message = await within(`the browser answers ${method}`, patienceMs, answer);
    waiting.delete(id);
    if (message.result === undefined) throw new Error(`${method}: ${JSON.stringify(message)}`);
    return message.result;
  }

  const opened = new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve);
    socket.addEventListener('error', () => reject(new Error(`no session at ${address}`)));
  });
  await within('the browser takes a session', patienceMs, opened);
  await send('session.new', { capabilities: {} });
  await send('session.subscribe', { events: ['log.entryAdded'] });

  return {
    send,
    async evaluate(context, run, args) {
      const call = `(${run})(...${JSON.stringify(args)})`;
      const expression = `(async () => JSON.stringify((await ${call}) ?? null))()`;
      const target = { context };
      const outcome = await send('script.evaluate', { expression, target, awaitPromise: true });
      const { value } = (outcome.result ?? {}) as { readonly value?: string };
      if (value === undefined) throw new Error(`${call}: ${JSON.stringify(outcome)}`);
      return JSON.parse(value);
    },
    errorsOf(context) {
      const told: string[] = [];
      errors.set(context, told);
      return told;
    },
    close: () => socket.close(),
  };
}
