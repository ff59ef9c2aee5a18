/**
 * A record of state for each of a million accounts: `--records n` as fast as it goes, or `--records n --rate perSecond` when each
 * is due, with the delays counted behind the first `--warm-up` records.
 */
import {
  type Collector,
  DataGeneratorSource,
  ParameterTool,
  type ProcessContext,
  RichSinkFunction,
  type RuntimeContext,
  StreamExecutionEnvironment,
  state,
  type ValueState,
  WatermarkStrategy,
} from 'weir';
import { Delays } from '../workloads/delays.ts';
import { type Account, hostClock, type Payment, paid, payment } from '../workloads/payments.ts';
import { OpenLoopSource } from './open-loop-source.ts';

interface Paid {
  readonly index: number;
  readonly due: number;
}

export async function main(args: string[]): Promise<void> {
  const parameters = ParameterTool.fromArgs(args);
  const records = Number(parameters.getRequired('records'));
  const rate = parameters.getInt('rate', 0);
  const env = StreamExecutionEnvironment.getExecutionEnvironment();
  env.setBufferTimeout(rate > 0 ? 1 : 100);
  const source =
    rate > 0
      ? env.fromSource(new OpenLoopSource(payment, rate, records), WatermarkStrategy.noWatermarks(), 'payments')
      : env.fromSource(new DataGeneratorSource((index) => payment(index), records), WatermarkStrategy.noWatermarks(), 'payments');
  source
    .keyBy((record) => record.account)
    .process(accounting)
    .addSink(new DelaySink(rate > 0 ? parameters.getInt('warm-up', 0) / env.getParallelism() : Number.POSITIVE_INFINITY));
  await env.execute('payments');
}

const accounting = {
  state: { account: state.value<Account>() },
  processElement(
    record: Payment,
    context: ProcessContext<number> & { state: { account: ValueState<Account> } },
    out: Collector<Paid>,
  ): void {
    const account = paid(context.state.account.value() ?? undefined, record.amount);
    context.state.account.update(account);
    out.collect({ index: account.payments, due: record.due });
  },
};

/** Counts in plain fields and reports once, a counter per bucket. */
class DelaySink extends RichSinkFunction<Paid> {
  readonly #warmUp: number;
  readonly #delays = new Delays();
  #records = 0;
  #context: RuntimeContext | undefined;

  constructor(warmUp: number) {
    super();
    this.#warmUp = warmUp;
  }

  override open(context: RuntimeContext): void {
    this.#context = context;
  }

  override invoke(record: Paid): void {
    this.#records++;
    if (this.#records > this.#warmUp) this.#delays.add(hostClock() - record.due);
  }

  override close(): void {
    this.#context?.getLongCounter('records').add(this.#records);
    for (const [bucket, times] of this.#delays.buckets) this.#context?.getLongCounter(`delay-${bucket}`).add(times);
  }
}
