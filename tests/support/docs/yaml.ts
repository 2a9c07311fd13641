/** A value of a YAML file. Numbers and booleans stay texts. */
export type Yaml = string | readonly Yaml[] | { readonly [name: string]: Yaml };

type Line = { readonly indent: number; readonly text: string; readonly number: number };

/**
 * Reads the part of YAML that this project's files use: maps and lists in block style, plain and quoted scalars, and lists of
 * scalars in brackets. A comment has a line of its own.
 * @throws Error with the line for everything else: a file that needs more may be right, but nobody has checked it.
 */
export function readYaml(text: string): Yaml {
  const lines = text.split('\n').flatMap((line, index): Line[] => {
    const content = line.trimStart();
    if (content === '' || content.startsWith('#')) return [];
    if (content.includes('\t')) throw new Error(`line ${index + 1}: a tab`);
    return [{ indent: line.length - content.length, text: content.trimEnd(), number: index + 1 }];
  });
  let at = 0;

  const fail = (line: Line, what: string): never => {
    throw new Error(`line ${line.number}: ${what}: ${line.text}`);
  };

  function readBlock(indent: number): Yaml {
    const first = lines[at];
    if (first === undefined) throw new Error('the file ends where a value should be');
    return first.text.startsWith('- ') ? readList(indent) : readMap(indent);
  }

  function readList(indent: number): Yaml {
    const items: Yaml[] = [];
    for (let line = lines[at]; line !== undefined && line.indent >= indent; line = lines[at]) {
      if (line.indent > indent || !line.text.startsWith('- ')) fail(line, 'not an item of the list above');
      const rest = line.text.slice(2).trimStart();
      if (isPair(rest)) {
        // The item is a map, whose first pair stands behind the dash.
        const inner = line.indent + line.text.length - rest.length;
        lines[at] = { ...line, indent: inner, text: rest };
        items.push(readMap(inner));
      } else {
        at += 1;
        items.push(readScalar(rest, line));
      }
    }
    return items;
  }

  function readMap(indent: number): Yaml {
    const map: Record<string, Yaml> = {};
    for (let line = lines[at]; line !== undefined && line.indent >= indent; line = lines[at]) {
      const [, name = '', rest = ''] =
        /^([\w-]+):(?: (.+))?$/.exec(line.text) ?? fail(line, 'not "name: value"');
      if (line.indent > indent) fail(line, 'too far to the right');
      if (name in map) fail(line, 'a second time');
      at += 1;
      const next = lines[at];
      const isNested = rest === '' && next !== undefined && next.indent > indent;
      map[name] = isNested ? readBlock(next.indent) : readScalar(rest, line);
    }
    return map;
  }

  function readScalar(written: string, line: Line): Yaml {
    if (/^\[.*\]$/.test(written)) {
      return written
        .slice(1, -1)
        .split(',')
        .map((item) => readScalar(item.trim(), line));
    }
    if (/^"[^"\\]*"$/.test(written)) return written.slice(1, -1);
    // These begin something else in YAML, or end the value early.
    if (/^[&*!|>%@`'"{}[\]]|: | #|:$/.test(written)) fail(line, 'a value that this reader does not know');
    return written;
  }

  const value = readBlock(0);
  const left = lines[at];
  if (left !== undefined) fail(left, 'belongs to nothing');
  return value;
}

const isPair = (text: string) => /^[\w-]+:( |$)/.test(text);

/** The value at a path such as `jobs.test.steps`. @throws Error if there is none. */
export function valueAt(yaml: Yaml, path: string): Yaml {
  return path.split('.').reduce<Yaml>((value, name) => {
    const inner = typeof value === 'string' ? undefined : (value as { readonly [name: string]: Yaml })[name];
    if (inner === undefined) throw new Error(`there is no ${name} of ${path}`);
    return inner;
  }, yaml);
}
