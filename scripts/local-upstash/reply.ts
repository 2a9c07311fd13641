import type { ServerResponse } from 'node:http';

/** How strings are written in an answer: as UTF-8, or as base64 where the request has `Upstash-Encoding: base64`. */
export type Encoding = 'utf8' | 'base64';

/** The answer to one command. */
export type Reply = { readonly result: unknown } | { readonly error: string };

/**
 * Makes a reply of Redis ready for JSON. With base64 all strings are encoded but "OK"; without it, bytes that are
 * not UTF-8 become U+FFFD (the service's documentation, "Base64 Encoded Responses").
 */
export function encodeReply(value: unknown, encoding: Encoding): unknown {
  if (Array.isArray(value)) return value.map((entry) => encodeReply(entry, encoding));
  if (!Buffer.isBuffer(value)) return value;
  const text = value.toString('utf8');
  return encoding === 'utf8' || text === 'OK' ? text : value.toString('base64');
}

/** Answers with JSON. */
export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    'upstash-sync-token': `local:${Date.now()}`,
  });
  response.end(text);
}
