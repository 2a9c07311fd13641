import { afterEach, describe, expect, test } from 'vitest';
import type { WantedLock } from '../../../lib/client/tabs/leader-election.ts';
import { openTabChannel } from '../../../lib/client/tabs/tab-channel.ts';
import type { TabMessage } from '../../../lib/client/tabs/tab-message.ts';
import { eventually } from '../../support/node/eventually.ts';

/* Node has Web Locks and BroadcastChannel of its own: what is opened here is as real as in a page. */
const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

let names = 0;
const newName = () => `steadfeed test ${process.pid} ${++names}`;

function open(name: string) {
  const received: TabMessage[] = [];
  const locks: string[] = [];
  const way = openTabChannel({
    name,
    onMessage: (message) => received.push(message),
    onLock: (kind, lock) => locks.push(`${kind} ${lock}`),
    onFailure: () => locks.push('failed'),
  });
  closing.push(way.close);
  return { way, received, locks };
}

const lock = (key: number, how: WantedLock['how'] = 'queue'): WantedLock => ({
  key,
  how,
  isHandover: false,
  isRequested: false,
});
const becomes = (seen: readonly unknown[], count: number) =>
  eventually(`${count} came`, 5_000, () => seen.length >= count);
const holders = async (name: string) => {
  const { held = [], pending = [] } = await navigator.locks.query();
  const count = (locks: readonly { readonly name?: string }[]) =>
    locks.filter((each) => each.name === name).length;
  return { held: count(held), pending: count(pending) };
};

describe('the lock', () => {
  test('goes to the first, and to the next when it is released', async () => {
    const name = newName();
    const [a, b] = [open(name), open(name)];
    a.way.want(lock(1));
    await becomes(a.locks, 1);
    b.way.want(lock(1));
    expect([a.locks, b.locks]).toEqual([['granted 1'], []]);
    a.way.want(null);
    await becomes(b.locks, 1);
    expect([a.locks, b.locks]).toEqual([['granted 1'], ['granted 1']]);
  });

  test('is taken from the tab that holds it, which learns of it', async () => {
    const name = newName();
    const [a, b] = [open(name), open(name)];
    a.way.want(lock(1));
    await becomes(a.locks, 1);
    b.way.want(lock(1));
    b.way.want(lock(2, 'steal'));
    await becomes(b.locks, 1);
    await becomes(a.locks, 2);
    expect([a.locks, b.locks]).toEqual([['granted 1', 'lost 1'], ['granted 2']]);
    expect((await holders(name)).held).toBe(1);
  });

  test('is neither held nor queued for after the channel is closed', async () => {
    const name = newName();
    const [a, b] = [open(name), open(name)];
    a.way.want(lock(1));
    b.way.want(lock(1));
    a.way.close();
    b.way.close();
    await eventually('nothing is left', 5_000, async () => {
      const { held, pending } = await holders(name);
      return held + pending === 0;
    });
    expect([...a.locks, ...b.locks]).toEqual([]);
  });

  test('that a tab no longer wants when it gets it goes to the next', async () => {
    const name = newName();
    const [a, b] = [open(name), open(name)];
    a.way.want(lock(1, 'steal'));
    a.way.want(null);
    b.way.want(lock(1));
    await becomes(b.locks, 1);
    expect(b.locks).toEqual(['granted 1']);
  });
});

describe('a message', () => {
  const update = (data: unknown) =>
    ({
      kind: 'update',
      from: '0-0',
      cursor: '1-1',
      events: [{ id: '1-1', channel: 'feed', type: 'x', time: 1, data }],
    }) as unknown as TabMessage;

  test('reaches all others with the same name, and nobody else', async () => {
    const name = newName();
    const [a, b, c, other] = [open(name), open(name), open(name), open(newName())];
    a.way.post({ kind: 'ask' });
    await becomes(b.received, 1);
    await becomes(c.received, 1);
    expect([a.received, b.received, other.received]).toEqual([[], [{ kind: 'ask' }], []]);
  });

  test('that cannot be copied arrives without its events', async () => {
    const name = newName();
    const [a, b] = [open(name), open(name)];
    a.way.post(update(() => 'no JSON'));
    await becomes(b.received, 1);
    expect(b.received).toEqual([{ kind: 'update', from: '1-1', cursor: '1-1', events: [] }]);
  });
});
