import { createHmac, timingSafeEqual } from 'node:crypto';
import { publish } from '../../../lib/server/publish.ts';

/** Receives the webhooks of a GitHub repository, and publishes each one to the channel `github`. */
export async function POST(request: Request): Promise<Response> {
  const secret = process.env.GITHUB_WEBHOOK_SECRET;
  if (!secret) return new Response('Set GITHUB_WEBHOOK_SECRET on the server.\n', { status: 503 });
  const body = Buffer.from(await request.arrayBuffer());
  if (!isSigned(body, request.headers.get('x-hub-signature-256') ?? '', secret)) {
    return new Response('The signature does not fit.\n', { status: 401 });
  }
  const name = request.headers.get('x-github-event') ?? 'unknown';
  const delivery = request.headers.get('x-github-delivery') ?? '';
  const { action, repository, sender } = JSON.parse(body.toString());
  // A payload can be larger than an event may be (64 KiB), so publish only what you show.
  const data = {
    action: action ?? null,
    repository: repository?.full_name ?? null,
    by: sender?.login ?? null,
  };
  // "Redeliver" on GitHub sends the same id again. The log stores its event once.
  await publish(`github.${name}`, data, { channel: 'github', idempotencyKey: `github-${delivery}` });
  return new Response(null, { status: 204 });
}

/** Whether GitHub has signed the body with the secret. The comparison takes equally long for every wrong signature. */
function isSigned(body: Buffer, signature: string, secret: string): boolean {
  const expected = Buffer.from(`sha256=${createHmac('sha256', secret).update(body).digest('hex')}`);
  const given = Buffer.from(signature);
  return given.length === expected.length && timingSafeEqual(given, expected);
}
