/**
 * Counts the words that arrive on a socket, every five seconds anew. In one terminal `nc -lk 9000`, in another:
 *
 *     flink run examples/socket-window-word-count.ts --port 9000
 *
 * Type words into the first terminal; the counts appear in the TaskManager's .out file.
 */
import { type Collector, ParameterTool, StreamExecutionEnvironment, state } from 'weir';

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
    .keyBy((word) => word)
    .process({
      state: { count: state.value(() => 0) },
      processElement(_word, context, _out: Collector<WordCount>) {
        const { count } = context.state;
        if (count.value() === 0) {
          const now = context.timerService().currentProcessingTime();
          context.timerService().registerProcessingTimeTimer(now - (now % windowMs) + windowMs);
        }
        count.update(count.value() + 1);
      },
      onTimer(_timestamp, context, out) {
        out.collect({ word: context.getCurrentKey(), count: context.state.count.value() });
        context.state.count.clear();
      },
    })
    .name('count per window')
    .map(({ word, count }) => `${word} : ${count}`)
    .print();
  await env.execute('Socket Window WordCount');
}

if (import.meta.main) await main(process.argv.slice(2));
