/** Next calls this once when a server process starts. */
export async function register(): Promise<void> {
  if (process.env.NEXT_RUNTIME !== 'nodejs') return;
  // Before any other file of the app: an old Node could not load them. A standalone server reads no `next.config.mjs`.
  await import('./lib/server/node/check-node.mjs');
  const { startProcess } = await import('./lib/server/node/process.ts');
  await startProcess();
}
