/** A row of a table in a document: the text of each cell by the name of its column. */
export type Row = Readonly<Record<string, string>>;

/**
 * The first table below a heading, with one object for each row.
 * @throws Error if the document has no such heading, or no table below it.
 */
export function tableBelow(doc: string, heading: string): readonly Row[] {
  const lines = doc.split('\n');
  const from = lines.findIndex((line) => /^#+ /.test(line) && line.replace(/^#+ /, '') === heading);
  if (from === -1) throw new Error(`the document has no heading "${heading}"`);
  const rest = lines.slice(from + 1);
  const nextHeading = rest.findIndex((line) => /^#+ /.test(line));
  const section = nextHeading === -1 ? rest : rest.slice(0, nextHeading);
  const first = section.findIndex((line) => line.startsWith('|'));
  if (first === -1) throw new Error(`there is no table below "${heading}"`);
  return rowsOf(section.slice(first).join('\n'));
}

/** The rows of a text that begins with a table. */
export function rowsOf(text: string): readonly Row[] {
  const table = text.split('\n');
  const length = table.findIndex((line) => !line.startsWith('|'));
  const [head = [], , ...rows] = (length === -1 ? table : table.slice(0, length)).map(cellsOf);
  return rows.map((cells) => Object.fromEntries(head.map((name, index) => [name, cells[index] ?? ''])));
}

/** The cell of a row in a column. @throws Error if the table has no such column. */
export function cell(row: Row, column: string): string {
  const text = row[column];
  if (text === undefined) throw new Error(`no column "${column}" among ${Object.keys(row).join(', ')}`);
  return text;
}

/** A map from one column of a table to another. @throws Error if a name of the first column is in two rows. */
export function pairs(rows: readonly Row[], from: string, to: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const row of rows) {
    const name = cell(row, from);
    if (found.has(name)) throw new Error(`"${name}" has two rows`);
    found.set(name, cell(row, to));
  }
  return found;
}

/** The parts of a text that are written as code. */
export function codeIn(text: string): readonly string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '');
}

/** The text between `<!-- name -->` and `<!-- /name -->`. @throws Error if the document has no such marks. */
export function textBetweenMarks(doc: string, name: string): string {
  const [, after] = doc.split(`<!-- ${name} -->\n`);
  const [text] = after?.split(`\n<!-- /${name} -->`) ?? [];
  if (after === undefined || text === undefined) throw new Error(`the document has no marks "${name}"`);
  return text;
}

function cellsOf(line: string): string[] {
  return line
    .split('|')
    .slice(1, -1)
    .map((text) => text.trim());
}
