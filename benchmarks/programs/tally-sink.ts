/** Sums in plain fields and reports once: an accumulator call per record would be measured with the engine. */
import { RichSinkFunction, type RuntimeContext } from 'weir';
import { Tally } from '../workloads/counts.ts';

export class TallySink extends RichSinkFunction<{ count: number }> {
  readonly #tally = new Tally();
  #context: RuntimeContext | undefined;

  override open(context: RuntimeContext): void {
    this.#context = context;
  }

  override invoke(record: { count: number }): void {
    this.#tally.add(record.count);
  }

  override close(): void {
    this.#context?.getLongCounter('records').add(this.#tally.records);
    this.#context?.getLongCounter('checksum').add(this.#tally.checksum);
  }
}
