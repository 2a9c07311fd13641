import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../root.ts';

const rules = 'lib/config/access.ts';
const types = 'lib/config/event-types.ts';

/**
 * The app's files after its reader has followed the example of docs/private-channels.md: path → text. `canRead` and its comment
 * take the place of the template's, and the event type joins the template's.
 */
export function sessionExample(): Readonly<Record<string, string>> {
  const text = readFileSync(join(root, 'docs/private-channels.md'), 'utf8');
  const blocks = text.matchAll(/<!-- file: (\S+) -->\n```tsx?\n([\s\S]*?)```\n<!-- \/file -->/g);
  const { [rules]: canRead = '', ...files } = Object.fromEntries(
    [...blocks].map(([, path, code]) => [path, code]),
  );
  const [, type = ''] = /<!-- event type -->\n```ts\n([\s\S]*?)```/.exec(text) ?? [];
  const edited = edit(rules, /\/\*\*(?:(?!\*\/)[\s\S])*\*\/\nexport const canRead[\s\S]*?\n};\n/, canRead);
  return {
    ...files,
    [types]: edit(types, /(?=^} as const satisfies)/m, type),
    [rules]: edited.replace(
      /(?<=from '..\/core\/feed-error.ts';\n)(?!.*session.ts)/,
      "import { sessionOf } from '../session.ts';\n",
    ),
  };
}

/** The app's file with `code` in its place, unless it is there already. */
function edit(path: string, place: RegExp, code: string): string {
  const own = readFileSync(join(root, path), 'utf8');
  if (code === '' || !place.test(own))
    throw new Error(`the example has nothing for ${path}, or no place in it`);
  return own.includes(code) ? own : own.replace(place, () => code);
}

/** The cookie of the session that the sign-in route of the example gives a user. */
export async function sessionCookieOf(app: { readonly url: string }, user: string): Promise<string> {
  const response = await fetch(`${app.url}/sign-in`, {
    method: 'POST',
    body: new URLSearchParams({ user }),
    redirect: 'manual',
  });
  return (response.headers.get('set-cookie') ?? '').replace(/;.*/, '');
}
