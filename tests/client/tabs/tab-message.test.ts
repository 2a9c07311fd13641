import { expect, test } from 'vitest';
import { readTold, tell } from '../../../lib/client/tabs/tab-message.ts';
import { reader } from '../../support/client/reader.ts';

/** What a tab says that has read an event of a channel. */
function toldOf(channel: string, cursor: string) {
  const { state } = reader();
  const who = { tab: 'other', isLeader: true };
  const message = tell(state, state.reader, [], who, 0);
  if (message.kind !== 'told') throw new Error('it tells nothing');
  const event = { id: '5-1', channel, type: 'message', time: 5, data: 'told' };
  return { ...message, from: cursor, cursor, events: [event] };
}

test('an event of a channel that this tab reads is heard', () => {
  expect(readTold(toldOf('feed', '5-1~abcdef'), ['feed']).items).toHaveLength(1);
});

test.each(['5-1~abcdef', 'staff@5-1~abcdef', 'feed@5-1~abcdef,staff@5-1~abcdef'])(
  'an event of another channel is not heard, even where another tab tells it with the cursor %s',
  (cursor) => {
    expect(() => readTold(toldOf('staff', cursor), ['feed'])).toThrow('channel staff');
  },
);

test('a message that is not of this contract is refused', () => {
  const message = { ...toldOf('feed', '5-1~abcdef'), from: null, cursor: 'x', events: [] };
  expect(() => readTold(message, ['feed'])).toThrow('told');
});
