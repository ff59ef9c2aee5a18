/** A Nexmark query on Weir: `--query q5 --events n --rate n`. */
import { type DataStream, ParameterTool, RichSinkFunction, type RuntimeContext, StreamExecutionEnvironment, WatermarkStrategy } from 'weir';
import { type NexmarkEvent, timeOf } from '../nexmark/events.ts';
import { type QueryName, queries, streamsOf } from '../nexmark/queries.ts';
import { NexmarkSource } from '../nexmark/source.ts';

export async function main(args: string[]): Promise<void> {
  const parameters = ParameterTool.fromArgs(args);
  const query = parameters.getRequired('query') as QueryName;
  const options = { rate: parameters.getInt('rate', 100_000), seed: 42 };
  const env = StreamExecutionEnvironment.getExecutionEnvironment();
  const strategy = WatermarkStrategy.forBoundedOutOfOrderness<NexmarkEvent>('4s').withTimestampAssigner(timeOf);
  const events = env.fromSource(new NexmarkSource(Number(parameters.getRequired('events')), options), strategy, 'nexmark');
  const rows = queries[query](streamsOf(events)) as unknown as DataStream<object>;
  rows.addSink(new CountingSink());
  await env.execute(`nexmark ${query}`);
}

/** Counts in a plain field and reports once: an accumulator call per record would be measured with the engine. */
class CountingSink extends RichSinkFunction<object> {
  #rows = 0;
  #context: RuntimeContext | undefined;

  override open(context: RuntimeContext): void {
    this.#context = context;
  }

  override invoke(): void {
    this.#rows++;
  }

  override close(): void {
    this.#context?.getLongCounter('rows').add(this.#rows);
  }
}
