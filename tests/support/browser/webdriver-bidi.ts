import { within } from '../node/eventually.ts';

type Fields = Readonly<Record<string, unknown>>;

/** A session of WebDriver BiDi, with the commands that the tests need. */
export type Bidi = {
  /** Sends a command. @returns its result. @throws Error with the browser's answer if it fails. */
  send(method: string, params: Fields): Promise<Fields>;
  /** Runs a function in a page. Its arguments and its result must be JSON. @throws Error if it throws. */
  evaluate<A extends readonly unknown[], R>(
    context: string,
    run: (...args: A) => R,
    args: A,
  ): Promise<Awaited<R>>;
  /** The errors of a page's console and scripts from now on. The list grows. */
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

const timeoutMs = 60_000;

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
    const message = await within(`the browser answers ${method}`, timeoutMs, answer);
    waiting.delete(id);
    if (message.result === undefined) throw new Error(`${method}: ${JSON.stringify(message)}`);
    return message.result;
  }

  const opened = new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve);
    socket.addEventListener('error', () => reject(new Error(`no session at ${address}`)));
  });
  await within('the browser accepts a session', timeoutMs, opened);
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
      const texts: string[] = [];
      errors.set(context, texts);
      return texts;
    },
    close: () => socket.close(),
  };
}
