/** A part of a document that is written from figures; `name` marks its place. */
export type DocTable = { readonly name: string; readonly text: string };

/**
 * A text with all tables in their places, between `<!-- name -->` and `<!-- /name -->`.
 * @throws Error that names a table for which there is no place.
 */
export function fillIn(doc: string, tables: readonly DocTable[]): string {
  return tables.reduce((text, table) => {
    const place = new RegExp(`(<!-- ${table.name} -->\n)[\\s\\S]*?(<!-- /${table.name} -->)`);
    if (!place.test(text)) throw new Error(`there is no place for the table "${table.name}"`);
    return text.replace(place, (_, begin, end) => `${begin}${table.text}\n${end}`);
  }, doc);
}

/** The text of a table that `fillIn` wrote; empty if there is none. */
export function tableIn(doc: string, name: string): string {
  return new RegExp(`<!-- ${name} -->\n([\\s\\S]*?)\n<!-- /${name} -->`).exec(doc)?.[1] ?? '';
}

/** A table in Markdown. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
