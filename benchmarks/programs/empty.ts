/** The smallest job there is: one element into a sink. */
import { StreamExecutionEnvironment } from 'weir';

export async function main(): Promise<void> {
  const env = StreamExecutionEnvironment.getExecutionEnvironment();
  env.fromElements(1).addSink(() => {});
  await env.execute('empty');
}
