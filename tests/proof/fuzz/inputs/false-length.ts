import type { Chance } from '../chance.ts';
import type { Input, PublishBody } from '../plan.ts';
import { brokenRequest, type Header, requestBytes } from '../request.ts';
import { contentTypeOf, publisher } from './valid-publish.ts';

/** A publish request with a wrong length: too short, too long, twice, missing, or together with chunks. */
export function falseLength(chance: Chance, number: number): Input {
  const body = publishBody(number);
  const { length } = body.bytes;
  const said = chance.pick<() => readonly Header[]>([
    () => [['content-length', String(length + 1 + chance.below(1_000))]],
    () => [['content-length', String(chance.below(length))]],
    () => [
      [
        'content-length',
        chance.pick(['', '-1', '0x10', '1e3', '9'.repeat(30), '+5', '1 1', 'x', '1048577', '4294967296']),
      ],
    ],
    () => [
      ['content-length', String(length)],
      ['content-length', String(chance.pick([length, length + 1]))],
    ],
    () => [
      ['content-length', String(length)],
      [
        'transfer-encoding',
        chance.pick(['chunked', 'x', 'identity', 'gzip, chunked', 'chunked, chunked', ' chunked', 'CHUNKED']),
      ],
    ],
    () => [],
  ])();
  const head = headOf(body, said);
  return brokenRequest([head, body.bytes], { method: 'POST', body, isHeld: true }, 40);
}

/** A body in chunks of any size, with extensions and trailers; some chunks have a wrong length. */
export function oddChunks(chance: Chance, number: number): Input {
  const body = publishBody(number);
  const chunk = (bytes: Buffer) => {
    const size = chance.pick<() => string>([
      () => bytes.length.toString(16),
      () =>
        bytes.length
          .toString(16)
          .toUpperCase()
          .padStart(1 + chance.below(12), '0'),
      () => `${bytes.length.toString(16)};${chance.text(chance.below(60), 'a="; ')}`,
      () =>
        chance.once(3)
          ? chance.pick(['-1', 'g', '', 'ffffffffffffffffff', `${bytes.length + 3}`, '0'])
          : bytes.length.toString(16),
    ])();
    return Buffer.concat([
      Buffer.from(`${size}${chance.once(20) ? '\n' : '\r\n'}`),
      bytes,
      Buffer.from('\r\n'),
    ]);
  };
  const chunks: Buffer[] = [];
  for (let at = 0; at < body.bytes.length; ) {
    const size = 1 + chance.below(12);
    chunks.push(chunk(body.bytes.subarray(at, at + size)));
    at += size;
  }
  const end = chance.pick([
    '0\r\n\r\n',
    '0\r\n\r\n',
    '000\r\n\r\n',
    '0;a=b\r\n\r\n',
    '0\r\nx-trailer: 1\r\n\r\n',
    '0\r\n',
    '',
    '0\r\ncontent-length: 5\r\n\r\n',
  ]);
  const head = headOf(body, [['transfer-encoding', 'chunked']]);
  const parts = chance.once(2)
    ? [head, ...chunks, Buffer.from(end)]
    : [Buffer.concat([head, ...chunks, Buffer.from(end)])];
  return brokenRequest(parts, { method: 'POST', body, isHeld: true }, 60);
}

export function publishBody(number: number): PublishBody {
  return { form: 'json', bytes: Buffer.from(JSON.stringify({ channel: 'public:raw', data: { number } })) };
}

export function headOf(body: PublishBody, headers: readonly Header[]): Buffer {
  return requestBytes({
    method: 'POST',
    target: '/api/events',
    headers: [publisher, contentTypeOf(body), ...headers],
  });
}
