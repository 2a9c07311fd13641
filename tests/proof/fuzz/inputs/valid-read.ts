import type { Chance } from '../chance.ts';
import type { Input } from '../plan.ts';
import type { Header } from '../request.ts';
import { oneRequest } from '../request.ts';
import { readToken } from '../secrets.ts';
import { stateChannel } from './odd-attributes.ts';
import { knownChannels } from './valid-publish.ts';

const reader: Header = ['authorization', `Bearer ${readToken(['*'])}`];

/** A request that must be answered: a page, a stream, the feed's web page, the health check. */
export function validRead(chance: Chance): Input {
  const channel = chance.pick(knownChannels);
  const from = chance.pick(['', '&rewind=5', '&after=0-0', '&rewind=1m', '&after=1-1~aaaaaa']);
  switch (chance.below(10)) {
    case 0:
      return oneRequest({ target: '/api/health' }, { route: 'health', statuses: [200] });
    case 1:
      return oneRequest({ target: '/' }, { route: 'page', statuses: [200] });
    case 2:
      return oneRequest(
        { target: `/api/stream?channel=${channel}${from}`, headers: [reader] },
        { route: 'stream', statuses: [200], isHeld: true },
      );
    case 3:
      return oneRequest(
        { target: `/api/stream?channel=${channel}&channel=feed`, headers: [reader], method: 'HEAD' },
        { route: 'stream', statuses: [200] },
      );
    case 4:
      return oneRequest(
        { target: `/api/events?channel=${channel}&limit=20${from}`, headers: [reader] },
        { statuses: [200] },
      );
    case 5:
      return oneRequest(
        {
          target: `/api/events?channel=${stateChannel}&latest&limit=${1 + chance.below(9)}`,
          headers: [reader],
        },
        { statuses: [200] },
      );
    case 6: {
      const query = `channel=${stateChannel}${chance.pick(['&latest', '&latest&subject=s1', '&subject=s2&rewind=9'])}`;
      return oneRequest(
        { target: `/api/stream?${query}`, headers: [reader] },
        { route: 'stream', statuses: [200], isHeld: true },
      );
    }
    default:
      return oneRequest(
        { target: `/api/events?channel=${channel}&rewind=2`, headers: [reader] },
        { statuses: [200], newestOf: channel },
      );
  }
}
