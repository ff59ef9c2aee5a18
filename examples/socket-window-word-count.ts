/**
 * Counts the words that arrive on a socket, every five seconds anew. In one terminal `nc -lk 9000`, in another:
 *
 *     flink run examples/socket-window-word-count.ts --port 9000
 *
 * Type words into the first terminal; the counts appear in the TaskManager's .out file.
 */
import { ParameterTool, StreamExecutionEnvironment, TumblingProcessingTimeWindows } from 'weir';

interface WordCount {
  readonly word: string;
  readonly count: number;
}

export async function main(args: string[]): Promise<void> {
  const parameters = ParameterTool.fromArgs(args);
  const host = parameters.get('hostname', 'localhost');
  if (!parameters.has('port')) {
    console.error(
      "No port specified. Please run 'socket-window-word-count.ts --hostname <hostname> --port <port>', where nc -lk <port> feeds it.",
    );
    return;
  }
  const port = parameters.getInt('port');
  const windowMs = parameters.getInt('window', 5000);

  const env = StreamExecutionEnvironment.getExecutionEnvironment();
  env
    .socketTextStream(host, port)
    .flatMap((line) => line.split(/\s+/).filter((word) => word !== ''))
    .map((word): WordCount => ({ word, count: 1 }))
    .keyBy('word')
    .window(TumblingProcessingTimeWindows.of(windowMs))
    .sum('count')
    .map(({ word, count }) => `${word} : ${count}`)
    .print();
  await env.execute('Socket Window WordCount');
}

if (import.meta.main) await main(process.argv.slice(2));
