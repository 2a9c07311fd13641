import { expect, test } from 'vitest';
import { reportOf } from '../../../lib/client/tabs/following.ts';
import { buildTabUpdate, parseTabUpdate } from '../../../lib/client/tabs/tab-message.ts';
import { streamingTab } from '../../support/client/tab-reader.ts';

/** The update of a tab that has read an event of a channel. */
function updateOf(channel: string, cursor: string) {
  const { tab, state } = streamingTab();
  const report = reportOf(tab().following, state, 0);
  const message = buildTabUpdate({ tab: 'other', isLeader: true }, report, state.reader, state.reader, []);
  const event = { id: '5-1', channel, type: 'message', time: 5, data: null };
  return { ...message, from: cursor, cursor, events: [event] };
}

test('an event of a channel that this tab reads is accepted', () => {
  expect(parseTabUpdate(updateOf('feed', '5-1~abcdef'), ['feed']).items).toHaveLength(1);
});

test.each(['5-1~abcdef', 'staff@5-1~abcdef', 'feed@5-1~abcdef,staff@5-1~abcdef'])(
  'an event of another channel is refused, even where another tab sends it with the cursor %s',
  (cursor) => {
    expect(() => parseTabUpdate(updateOf('staff', cursor), ['feed'])).toThrow('channel staff');
  },
);

test('a message that is not an update is refused', () => {
  const message = { ...updateOf('feed', '5-1~abcdef'), from: null, cursor: 'x', events: [] };
  expect(() => parseTabUpdate(message, ['feed'])).toThrow('update');
});
