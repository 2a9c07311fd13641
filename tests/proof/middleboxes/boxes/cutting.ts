import { seeded } from '../../../support/seeded.ts';
import { type Middlebox, promise } from '../middlebox.ts';
import { holdAll } from './holding.ts';
import { type Exchange, passing, startHttpBox, type Way } from './http-box.ts';
import { type Link, startTcpBox } from './tcp-box.ts';

/** @param begin called for each box: returns what it does with each answer. */
function httpBox(name: string, title: string, begin: () => (exchange: Exchange) => Way): Middlebox {
  const start: Middlebox['start'] = (target) => startHttpBox(target, { begin: begin() });
  return { name, title, program: null, due: promise, start };
}

/** @param begin called for each box: returns what watches its links. */
function tcpBox(name: string, title: string, begin: () => (link: Link) => void | Promise<void>): Middlebox {
  const start: Middlebox['start'] = (target) => startTcpBox(target, { begin: begin() });
  return { name, title, program: null, due: promise, start };
}

/** Ends each body cleanly, some time after its head. */
const endAfter =
  (ms: number) =>
  () =>
  (exchange: Exchange): Way => ({
    ...passing(exchange),
    head: () => exchange.after(ms, exchange.end),
  });

/** A gateway that waits for the whole answer, and gives up after some time. */
const giveUpAfter =
  (ms: number, status: number) =>
  () =>
  (exchange: Exchange): Way => {
    const page = `<!doctype html><title>${status}</title><h1>Gateway timeout</h1>`;
    exchange.after(ms, () => exchange.reply(status, { 'content-type': 'text/html' }, page));
    return holdAll(exchange);
  };

/** Resets each connection at a random time after a request. */
function reset() {
  const draw = seeded(1);
  return (exchange: Exchange): Way => {
    exchange.after(draw.whole(0, 10_000), exchange.reset);
    return passing(exchange);
  };
}

/** Does something to a link that has carried no byte for a while. */
const whenSilent = (ms: number, run: (link: Link) => void) => () => (link: Link) => {
  let cancel = link.after(ms, () => run(link));
  link.onBytes(() => {
    cancel();
    cancel = link.after(ms, () => run(link));
  });
};

/** Lets one connection through. The next ones wait until it is closed. */
function oneByOne() {
  let before = Promise.resolve();
  return (link: Link): Promise<void> => {
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    link.onClose(resolve);
    const turn = before;
    before = before.then(() => closed);
    return turn;
  };
}

/** Every 25 s all open connections die without a word, as those of a machine that slept. */
function dieTogether() {
  const everyMs = 25_000;
  const startedAt = Date.now();
  return (link: Link): void => {
    const age = (Date.now() - startedAt) % everyMs;
    link.after(everyMs - age, () => link.freeze());
  };
}

/** Boxes that end or lose connections. */
export const cuttingBoxes: readonly Middlebox[] = [
  tcpBox(
    'cuts-5s',
    'cuts connections that are silent for 5 s',
    whenSilent(5_000, (link) => link.close()),
  ),
  tcpBox(
    'nat-10s',
    'forgets connections that are silent for 10 s (NAT)',
    whenSilent(10_000, (link) => link.freeze()),
  ),
  tcpBox('black-hole-10s', 'loses each connection silently after 10 s', () => (link) => {
    link.after(10_000, () => link.freeze());
  }),
  tcpBox('sleeps', 'loses all connections silently every 25 s', dieTogether),
  {
    ...tcpBox('one-connection', 'lets one connection through at a time; others wait', oneByOne),
    countsClients: true,
  },
  httpBox('gateway-504', 'waits for the whole answer, and answers 504 after 10 s', giveUpAfter(10_000, 504)),
  httpBox('short-answers', 'refuses answers that are not complete after 3 s', giveUpAfter(3_000, 502)),
  httpBox('ends-14s', 'ends each answer cleanly after 14 s', endAfter(14_000)),
  httpBox('ends-30s', 'ends each answer cleanly after 30 s', endAfter(30_000)),
  httpBox('resets', 'resets connections at random, within 10 s of a request', reset),
];
