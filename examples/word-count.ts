/**
 * Counts words, in a text of its own or in files.
 *
 *     flink run examples/word-count.ts
 *     flink run examples/word-count.ts --input book.txt --output counts
 *
 * With `--execution-mode BATCH` each word is printed once, with its final count.
 */
import { ParameterTool, StreamExecutionEnvironment } from 'weir';

const defaultText = [
  'To be, or not to be,--that is the question:--',
  "Whether 'tis nobler in the mind to suffer",
  'The slings and arrows of outrageous fortune',
  'Or to take arms against a sea of troubles,',
  'And by opposing end them?--To die,--to sleep,--',
  'No more; and by a sleep to say we end',
  'The heartache, and the thousand natural shocks',
  "That flesh is heir to,--'tis a consummation",
  "Devoutly to be wish'd.",
];

export async function main(args: string[]): Promise<void> {
  const parameters = ParameterTool.fromArgs(args);
  const env = StreamExecutionEnvironment.getExecutionEnvironment();
  env.setGlobalJobParameters(parameters);
  if (parameters.get('execution-mode', 'STREAMING').toUpperCase() === 'BATCH') env.setRuntimeMode('BATCH');

  const input = parameters.get('input');
  const text = input === undefined ? env.fromCollection(defaultText) : env.readTextFile(input);

  const counts = text
    .flatMap(tokenize)
    .name('tokenizer')
    .keyBy((pair) => pair[0])
    .sum(1)
    .name('counter');

  const lines = counts.map(([word, count]) => `(${word},${count})`).name('line');
  const output = parameters.get('output');
  if (output === undefined) lines.print();
  else lines.writeAsText(output);

  await env.execute('WordCount');
}

/** A word is a run of ASCII letters, digits and underscores. */
const separators = /\W+/;

function tokenize(line: string): [string, number][] {
  const pairs: [string, number][] = [];
  for (const word of line.split(separators)) if (word.length > 0) pairs.push([word.toLowerCase(), 1]);
  return pairs;
}

if (import.meta.main) await main(process.argv.slice(2));
