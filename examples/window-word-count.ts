/**
 * Counts words in sliding windows of records: at every `--slide` occurrences of a word, how often it is among its last `--window` ones.
 *
 *     flink run examples/window-word-count.ts --window 10 --slide 5
 *
 * In the text that comes along no word occurs 150 times: with the defaults nothing is printed.
 */
import { ParameterTool, StreamExecutionEnvironment } from 'weir';
import { defaultText, tokenize } from './word-count.ts';

export async function main(args: string[]): Promise<void> {
  const parameters = ParameterTool.fromArgs(args);
  const window = parameters.getInt('window', 250);
  const slide = parameters.getInt('slide', 150);

  const env = StreamExecutionEnvironment.getExecutionEnvironment();
  const [first, ...others] = parameters.getMultiParameter('input').map((path) => env.readTextFile(path));
  const text = first === undefined ? env.fromCollection(defaultText) : first.union(...others);
  const counts = text
    .flatMap(tokenize)
    .keyBy((pair) => pair[0])
    .countWindow(window, slide)
    .sum(1)
    .map(([word, count]) => `(${word},${count})`);

  const output = parameters.get('output');
  if (output === undefined) counts.print();
  else counts.writeAsText(output);
  await env.execute('WindowWordCount');
}

if (import.meta.main) await main(process.argv.slice(2));
