import type { Chance } from '../chance.ts';
import type { Ending, ExpectedAnswer, Input } from '../plan.ts';
import { expectAnswer, requestBytes } from '../request.ts';
import { headOf, publishBody } from './false-length.ts';
import { validRead } from './valid-read.ts';

/** A request that is cut anywhere: the connection is destroyed or half-closed in the middle of a line or a body. */
export function cutRequest(chance: Chance, number: number): Input {
  const { bytes, expected } = wholeRequest(chance, number);
  const cut = bytes.subarray(0, chance.once(4) ? bytes.length : chance.below(bytes.length));
  const ending: Ending = chance.once(2)
    ? { kind: 'half-close' }
    : { kind: 'leave', afterMs: chance.pick([0, 0, 1, 5, 20]) };
  const at = chance.below(cut.length + 1);
  return {
    parts: [cut.subarray(0, at), cut.subarray(at)],
    keepsConnection: false,
    expectedAnswers: [expected],
    ending,
  };
}

/** A request with changed, missing or inserted bytes: mostly not HTTP any more. */
export function mangledRequest(chance: Chance, number: number): Input {
  const { bytes, expected } = wholeRequest(chance, number);
  let mangled = bytes;
  for (let left = 1 + chance.below(3); left > 0; left -= 1) {
    const at = chance.below(mangled.length);
    const put = chance.pick([
      Buffer.alloc(0),
      chance.bytes(1),
      chance.bytes(chance.below(20)),
      Buffer.from('\r\n'),
      Buffer.from('\0'),
    ]);
    mangled = Buffer.concat([mangled.subarray(0, at), put, mangled.subarray(at + chance.below(3))]);
  }
  const any: ExpectedAnswer = {
    ...expected,
    route: 'framework',
    statuses: null,
    newestOf: null,
    namesHost: true,
    isHeld: true,
  };
  return {
    parts: [mangled],
    keepsConnection: false,
    expectedAnswers: [any],
    ending: { kind: 'leave', afterMs: 40 },
  };
}

/** Bytes that are not HTTP. */
export function noHttp(chance: Chance): Input {
  const bytes = chance.pick([
    () => chance.bytes(1 + chance.below(600)),
    () => Buffer.from('\r\n'.repeat(1 + chance.below(50))),
    () => Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
    () => Buffer.from('160301020001000100', 'hex'),
    () => Buffer.from(`GET ${'/'.repeat(chance.below(30_000))}`),
  ])();
  const expected = expectAnswer({ route: 'framework', isHeld: true });
  return {
    parts: [bytes],
    keepsConnection: false,
    expectedAnswers: [expected],
    ending: { kind: 'leave', afterMs: 20 },
  };
}

function wholeRequest(
  chance: Chance,
  number: number,
): { readonly bytes: Buffer; readonly expected: ExpectedAnswer } {
  if (chance.once(2)) {
    const { parts, expectedAnswers } = validRead(chance);
    return {
      bytes: Buffer.concat(parts),
      expected: { ...(expectedAnswers[0] ?? expectAnswer({})), statuses: null, isHeld: true },
    };
  }
  const body = publishBody(number);
  const head = headOf(body, [['content-length', String(body.bytes.length)]]);
  return {
    bytes: Buffer.concat([head, body.bytes]),
    expected: expectAnswer({ method: 'POST', body, isHeld: true }),
  };
}

/** Several requests written at once on one connection; the answers must have the same order. */
export function pipeline(chance: Chance, number: number): Input {
  const expectedAnswers: ExpectedAnswer[] = [];
  const parts: Buffer[] = [];
  for (let left = 2 + chance.below(5); left > 0; left -= 1) {
    const at = chance.below(3);
    const body = publishBody(number * 10 + left);
    const target = ['/api/health', '/api/events?limit=0', '/api/events'][at] ?? '';
    const bytes =
      at === 2
        ? Buffer.concat([headOf(body, [['content-length', String(body.bytes.length)]]), body.bytes])
        : requestBytes({ target, method: at === 1 ? 'HEAD' : 'GET' });
    parts.push(bytes);
    expectedAnswers.push(
      [
        expectAnswer({ route: 'health', statuses: [200] }),
        expectAnswer({ method: 'HEAD', statuses: [400] }),
        expectAnswer({ method: 'POST', statuses: [201], body }),
      ][at] ?? expectAnswer({}),
    );
  }
  const whole = Buffer.concat(parts);
  if (!chance.once(5))
    return { parts: [whole], keepsConnection: true, expectedAnswers, ending: { kind: 'answers' } };
  // The client leaves without reading. Each request is stored completely or not at all.
  return {
    parts: [whole],
    keepsConnection: false,
    expectedAnswers,
    ending: { kind: 'leave', afterMs: chance.below(10) },
  };
}
