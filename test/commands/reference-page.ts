/** Puts the option tables of the code into docs/reference/cli.md, between its markers; the prose around them is written by hand. */
import { longName, type OptionSpec, type OptionTable } from '../../src/commands/arguments/option-table.ts';
import { clusterOptions, connectionOptions, genericOptions, yarnOptions } from '../../src/commands/arguments/shared-options.ts';
import { actions, clusterCommands, commandTable } from '../../src/commands/base/command-table.ts';

/** Replaces what stands between `<!-- NAME -->` and `<!-- end -->` for each block that the code knows. */
export async function withTables(page: string): Promise<string> {
  const blocks = await tables();
  return page.replaceAll(/<!-- ([a-z -]+) -->\n[\s\S]*?<!-- end -->/g, (whole, name: string) => {
    const block = blocks.get(name);
    return block === undefined ? whole : `<!-- ${name} -->\n\n${block}\n\n<!-- end -->`;
  });
}

export async function tables(): Promise<Map<string, string>> {
  const blocks = new Map<string, string>([
    ['generic options', optionTable(genericOptions)],
    ['default options', optionTable(connectionOptions)],
    ['yarn options', optionTable(yarnOptions)],
    ['actions', await commandList(Object.keys(actions))],
    ['commands', await commandList(Object.keys(clusterCommands))],
  ]);
  for (const name of Object.keys(commandTable)) {
    const { table, action } = await command(name);
    const shared: OptionTable = table['jobmanager'] === clusterOptions.jobmanager ? clusterOptions : {};
    let own: OptionTable = Object.fromEntries(Object.entries(table).filter(([key, spec]) => shared[key] !== spec && key !== 'help'));
    const syntax = `\`flink ${action.name} ${action.syntax}`.trimEnd();
    const heading = `${syntax}\`: ${action.sentence}`;
    // It has the options of run, one and all.
    if (name === 'run-application') own = {};
    blocks.set(name, Object.keys(own).length === 0 ? heading : `${heading}\n\n${optionTable(own)}`);
  }
  return blocks;
}

async function command(name: string) {
  const Command = await (commandTable as typeof actions)[name]?.();
  if (!Command) throw new Error(`no command ${name}`);
  return new Command([], {} as never) as { table: OptionTable; action: { name: string; syntax: string; sentence: string } };
}

async function commandList(names: readonly string[]): Promise<string> {
  const rows: string[][] = [];
  for (const name of names) {
    const { action } = await command(name);
    rows.push([`[\`${name}\`](#${name})`, action.sentence]);
  }
  return aligned([['command', 'what it does'], ...rows]);
}

function optionTable(table: OptionTable): string {
  const rows = Object.entries(table)
    .sort(([a, left], [b, right]) => rank(left) - rank(right) || (left.short ?? a).localeCompare(right.short ?? b, 'en'))
    .map(([key, spec]) => [names(key, spec), argument(spec), description(spec)]);
  return aligned([['option', 'value', 'meaning'], ...rows]);
}

/** What has no effect stands last. */
function rank(spec: OptionSpec): number {
  return spec.obsolete === undefined ? 0 : 1;
}

function names(key: string, spec: OptionSpec): string {
  const long = longName(key, spec);
  return [spec.short && `\`-${spec.short}\``, long && `\`--${long}\``].filter(Boolean).join(', ');
}

function argument(spec: OptionSpec): string {
  if (spec.argument === undefined) return '';
  const text = spec.optionalArgument ? `[${spec.argument}]` : spec.argument;
  return `${text}${spec.repeatable ? ', repeatable' : ''}${spec.rest ? ' …' : ''}`;
}

function description(spec: OptionSpec): string {
  if (spec.obsolete !== undefined) return `Accepted without effect: ${spec.obsolete}`;
  return `${spec.summary}${spec.hidden ? ' (Not in the help.)' : ''}`;
}

/** As the formatter would have it. */
function aligned(rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map((text) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;')));
  const widths = (cells[0] ?? []).map((_, column) => Math.max(3, ...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string => `| ${row.map((text, column) => text.padEnd(widths[column] as number)).join(' | ')} |`;
  const [head = [], ...body] = cells;
  return [line(head), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...body.map(line)].join('\n');
}
