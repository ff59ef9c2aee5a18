/** Aggregating state: an accumulator per key, read through its result. */
import type { AggregatingState } from '../../../api/state.ts';
import { UserError } from '../../../shared/errors.ts';
import { type DescriptorOf, type HandleScope, KeyedHandle } from './keyed-handle.ts';

export class AggregatingHandle extends KeyedHandle implements AggregatingState<unknown, unknown> {
  readonly #aggregate: DescriptorOf<'aggregating'>;

  constructor(scope: HandleScope, descriptor: DescriptorOf<'aggregating'>) {
    super(scope);
    this.#aggregate = descriptor;
  }

  get(): unknown {
    const entry = this.ownEntry();
    return entry === undefined ? null : this.#aggregate.getResult(entry.value);
  }

  add(value: unknown): void {
    const entry = this.ownEntry();
    this.store(entry, this.#aggregate.add(value, entry === undefined ? this.#aggregate.createAccumulator() : entry.value));
  }

  protected override mergeValue(value: unknown): void {
    const entry = this.ownEntry();
    if (entry === undefined) {
      this.insert(value);
      return;
    }
    if (!this.#aggregate.merge) {
      throw new UserError('AGGREGATE_CANNOT_MERGE', {
        problem: `Operator '${this.operatorName}': the aggregate of state '${this.registered.name}' has no merge function, which merging windows (sessions) need.`,
        tryNext: ['Add merge(a, b) to the aggregate.'],
      });
    }
    this.store(entry, this.#aggregate.merge(entry.value, value));
  }
}
