import { expect, expectTypeOf, test } from 'vitest';
import type { PublishData } from '../../lib/config/event-types.ts';
import { publish, publishAll } from '../../lib/server/publish.ts';
import { declareMachine, machine } from '../support/declared-type.ts';
import { useRuntime } from '../support/server/own-process.ts';
import { makeStand } from '../support/server/stand.ts';

/* `tests/config/typed-tests.test.ts` compiles this, in an app that declares `machine`. */

declareMachine();

test('the compiler knows the data of a declared type', async () => {
  using _ = useRuntime(makeStand().runtime);
  expectTypeOf<PublishData<'machine'>>().toEqualTypeOf<typeof machine>();
  await publish('machine', machine);
  await publishAll([
    { type: 'machine', data: machine },
    { type: 'note', data: 1 },
  ]);
  const types: readonly string[] = ['note'];
  await publishAll(types.map((type) => ({ type, data: 1 })));
  // @ts-expect-error `load` is missing
  await expect(publish('machine', { uptimeSeconds: 1 })).rejects.toThrow('event.data.load');
  // @ts-expect-error `load` is a number
  await expect(publishAll([{ type: 'machine', data: { ...machine, load: '1' } }])).rejects.toThrow(
    'data.load',
  );
  // @ts-expect-error undefined is no JSON
  await expect(publish('note', undefined)).rejects.toThrow('no data');
});
