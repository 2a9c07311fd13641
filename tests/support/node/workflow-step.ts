import { expect } from 'vitest';

/** A step of a GitHub workflow that runs a script. */
export type WorkflowStep = {
  readonly run: string;
  /** Its variables, with all expressions replaced. */
  readonly env: Readonly<Record<string, string>>;
};

/**
 * Reads the only step of a workflow that has `env` and `run`. It knows the YAML of this repository's recipe: one line, a
 * literal text (`|`) or a folded text (`>-`) for each value, and the expressions `${{ name }}` and `${{ toJSON(name) }}`.
 * @param context the values of the names in expressions.
 */
export function readWorkflowStep(workflow: string, context: Readonly<Record<string, string>>): WorkflowStep {
  const lines = workflow.split('\n').filter((line) => !/^\s*#/.test(line));
  const indent = (line: string) => line.search(/\S|$/);
  /** The lines below the line `name:` that are indented deeper. */
  function below(from: readonly string[], name: string): readonly string[] {
    const start = from.findIndex((line) => line.trim().startsWith(`${name}:`));
    expect(start, `the line ${name}:`).toBeGreaterThan(-1);
    const depth = indent(from[start] ?? '');
    const rest = from.slice(start + 1);
    const end = rest.findIndex((line) => line.trim() !== '' && indent(line) <= depth);
    return end === -1 ? rest : rest.slice(0, end);
  }
  const env = below(lines, 'env');
  const names = env.flatMap((line) => /^ *([A-Z_]+): /.exec(line)?.slice(1) ?? []);
  const readValue = (name: string) => {
    const line = env.find((each) => each.trim().startsWith(`${name}:`)) ?? '';
    const value = line.trim().slice(name.length + 2);
    const folded = () =>
      below(env, name)
        .map((each) => each.trim())
        .join(' ');
    return replaceExpressions(value === '>-' ? folded() : value, context);
  };
  const script = below(lines, 'run');
  const depth = Math.min(...script.filter((line) => line.trim() !== '').map(indent));
  return {
    run: script.map((line) => line.slice(depth)).join('\n'),
    env: Object.fromEntries(names.map((name) => [name, readValue(name)])),
  };
}

function replaceExpressions(text: string, context: Readonly<Record<string, string>>): string {
  return text.replace(/\$\{\{ (?:toJSON\(([\w.]+)\)|([\w.]+)) \}\}/g, (_, quoted, plain) => {
    const value = context[quoted ?? plain];
    expect(value, `a value for ${quoted ?? plain}`).toBeDefined();
    return quoted === undefined ? String(value) : JSON.stringify(value);
  });
}
