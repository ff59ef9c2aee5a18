/** The help page of an action, laid out as Flink lays it out: 80 columns, options indented by 5. */
import { longName, type OptionSpec, type OptionTable } from '../arguments/option-table.ts';
import { connectionOptions, genericOptions, yarnOptions } from '../arguments/shared-options.ts';

/** What an action is; its class carries one. */
export interface ActionDescription {
  readonly name: string;
  /** Goes on from `Action "run" `. */
  readonly sentence: string;
  /** After the action's name; empty when it takes nothing. */
  readonly syntax: string;
  /** The action's own options. */
  readonly options: OptionTable;
  /** Which blocks about finding a cluster its help shows. */
  readonly clusterHelp: 'none' | 'generic' | 'session' | 'run';
  /** Full lines below the options. */
  readonly notes?: readonly string[] | undefined;
}

const width = 80;
const indent = 5;
const gap = 3;

export function actionHelp(action: ActionDescription): string {
  const lines = ['', `Action "${action.name}" ${action.sentence}`, '', ...syntaxLines(action)];
  const own = optionLines(action.options);
  if (own.length > 0) lines.push(`  "${action.name}" action options:`, ...own);
  for (const [mode, options] of clusterBlocks(action.clusterHelp)) lines.push(`  Options for ${mode} mode:`, ...optionLines(options), '');
  if (action.notes) lines.push(...action.notes.map((note) => (note === '' ? '' : `  ${note}`)));
  return `${lines.join('\n').trimEnd()}\n`;
}

function syntaxLines({ name, syntax }: ActionDescription): string[] {
  const head = `  Syntax: ${name} `;
  const [first = '', ...rest] = wrap(syntax, width - head.length);
  return [`${head}${first}`.trimEnd(), ...rest.map((line) => ' '.repeat(head.length) + line)];
}

function clusterBlocks(kind: ActionDescription['clusterHelp']): [string, OptionTable][] {
  const { yarnapplicationId } = yarnOptions;
  const { jobmanager, zookeeperNamespace } = connectionOptions;
  const yarn = {
    ...(kind === 'run' ? yarnOptions : { yarnapplicationId }),
    jobmanager: { ...jobmanager, summary: 'Set to yarn-cluster to run on YARN.' },
    zookeeperNamespace,
  };
  if (kind === 'none') return [];
  if (kind === 'generic') return [['Generic CLI', genericOptions]];
  return [
    ['Generic CLI', genericOptions],
    ['yarn-cluster', yarn],
    ['default', connectionOptions],
  ];
}

/** One block of options, sorted by name without regard to case; descriptions start in one column and wrap there. */
export function optionLines(table: OptionTable): string[] {
  const shown = Object.entries(table)
    .filter(([, spec]) => !spec.hidden)
    .map(([key, spec]) => ({ sortKey: (spec.short ?? key).toLowerCase(), head: head(key, spec), summary: spec.summary }))
    .sort((left, right) => (left.sortKey < right.sortKey ? -1 : left.sortKey > right.sortKey ? 1 : 0));
  const column = indent + Math.max(0, ...shown.map((option) => option.head.length)) + gap;
  return shown.flatMap((option) => {
    const [first = '', ...rest] = wrap(option.summary, width - column);
    return [`${' '.repeat(indent)}${option.head}`.padEnd(column) + first, ...rest.map((line) => ' '.repeat(column) + line)];
  });
}

/** `-p,--parallelism <parallelism>`. */
function head(key: string, spec: OptionSpec): string {
  const long = longName(key, spec);
  const names = [spec.short === undefined ? undefined : `-${spec.short}`, long === undefined ? undefined : `--${long}`];
  const value = spec.argument === undefined ? '' : spec.optionalArgument ? ` [${spec.argument}]` : ` <${spec.argument}>`;
  return names.filter((name) => name !== undefined).join(',') + value;
}

export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  if (line !== '') lines.push(line);
  return lines;
}
