/**
 * Watches the heap of a slot's thread between slices, so that a slot that fills up ends with a reason before V8 has to end
 * the whole process. V8's own limit lies higher (see SlotLimits); garbage alone never fails a slot.
 */
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { UserError } from '../../shared/errors.ts';

/** What may be left after a collection: a heap that is fuller spends its time on collecting. */
const survivingShare = 0.85;
const slicesBetweenChecks = 16;
const mebibyte = 2 ** 20;

export class HeapWatch {
  readonly #limitBytes: number;
  readonly #usedBytes: () => number;
  readonly #collect: () => void;
  #sinceCheck = 0;

  constructor(
    limitBytes: number,
    usedBytes: () => number = () => getHeapStatistics().used_heap_size,
    collect: () => void = collectGarbage,
  ) {
    this.#limitBytes = limitBytes;
    this.#usedBytes = usedBytes;
    this.#collect = collect;
  }

  /** To be called after each slice. Gives the error to fail the slot with when what it keeps does not fit. */
  afterSlice(): UserError | undefined {
    if (++this.#sinceCheck < slicesBetweenChecks) return undefined;
    this.#sinceCheck = 0;
    if (this.#usedBytes() < this.#limitBytes) return undefined;
    this.#collect();
    const kept = this.#usedBytes();
    return kept < this.#limitBytes * survivingShare ? undefined : slotOutOfMemory(kept, this.#limitBytes);
  }
}

/** `usedBytes` is unknown when V8 ended the thread itself; a slot without a limit of its own has that of the process. */
export function slotOutOfMemory(usedBytes: number | undefined, limitBytes: number | undefined): UserError {
  const limit = limitBytes === undefined ? '' : ` of ${Math.round(limitBytes / mebibyte)} MB`;
  const used = usedBytes === undefined ? '' : `: ${Math.round(usedBytes / mebibyte)} MB are in use`;
  return new UserError('SLOT_OUT_OF_MEMORY', {
    problem: `The slot ran out of its heap${limit}${used}.`,
    found: 'What the functions of this slot keep (state, captured arrays and maps) does not fit.',
    tryNext: [
      'Raise taskmanager.memory.process.size, or taskmanager.memory.task.heap.size.',
      'Lower taskmanager.numberOfTaskSlots, or raise the parallelism.',
      'Lower taskmanager.memory.managed.fraction: state on the heap does not use managed memory.',
    ],
  });
}

let gc: (() => void) | undefined;

function collectGarbage(): void {
  if (!gc) {
    setFlagsFromString('--expose-gc');
    gc = runInNewContext('gc') as () => void;
  }
  gc();
}
