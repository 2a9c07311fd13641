export const dynamic = 'force-dynamic';

/* The least a route can do. */
export function GET(): Response {
  return Response.json({ ok: true });
}
