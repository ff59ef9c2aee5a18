/**
 * How operator state finds its subtasks when a job is restored, with the same or another parallelism. Pure.
 *
 * Split state moves in contiguous blocks: the elements of all old subtasks in order, cut into pieces of nearly equal length;
 * the longer pieces of one state name begin where those of the name before ended. Union state goes to every subtask whole;
 * of broadcast state every subtask takes one copy.
 */
import type { OperatorStateHandle, RedistributionMode, StreamHandle } from '../../state/snapshot/handles.ts';

/** `old[i]`: what subtask i wrote. The result has one list of handles per new subtask. */
export function redistributeOperatorState(old: readonly (readonly OperatorStateHandle[])[], parallelism: number): OperatorStateHandle[][] {
  const names = statesByName(old);
  const order = new Map(old.flat().map(({ stream }, index) => [stream, index]));
  const pieces = Array.from({ length: parallelism }, () => new HandlesBuilder(order));
  const unchanged = old.length === parallelism;
  let firstWithExtra = 0;
  for (const [name, { mode, perSubtask }] of names) {
    const give = (elementsOf: (index: number) => readonly Element[]): void => {
      for (const [index, piece] of pieces.entries()) piece.add(name, mode, elementsOf(index));
    };
    if (mode === 'BROADCAST') {
      const copies = perSubtask.filter((elements) => elements.length > 0);
      if (copies.length > 0) give((index) => copies[index % copies.length] as Element[]);
    } else if (mode === 'UNION') {
      give(() => perSubtask.flat());
    } else if (unchanged) {
      give((index) => perSubtask[index] as Element[]);
    } else {
      firstWithExtra = splitIntoBlocks(perSubtask.flat(), parallelism, firstWithExtra, (index, block) =>
        (pieces[index] as HandlesBuilder).add(name, mode, block),
      );
    }
  }
  return pieces.map((piece) => piece.build());
}

interface Element {
  readonly stream: StreamHandle;
  readonly offset: number;
}

/** Returns the subtask at which the extra elements of the next state begin. */
function splitIntoBlocks(
  elements: readonly Element[],
  parallelism: number,
  firstWithExtra: number,
  give: (index: number, block: readonly Element[]) => void,
): number {
  const base = Math.floor(elements.length / parallelism);
  const extras = elements.length % parallelism;
  let position = 0;
  for (let step = 0; step < parallelism; step++) {
    const length = base + (step < extras ? 1 : 0);
    give((firstWithExtra + step) % parallelism, elements.slice(position, position + length));
    position += length;
  }
  return (firstWithExtra + extras) % parallelism;
}

/** States in the order in which they first appear; a name has one mode. */
function statesByName(
  old: readonly (readonly OperatorStateHandle[])[],
): Map<string, { readonly mode: RedistributionMode; readonly perSubtask: Element[][] }> {
  const names = new Map<string, { mode: RedistributionMode; perSubtask: Element[][] }>();
  old.forEach((handles, index) => {
    for (const { states, stream } of handles) {
      for (const [name, { mode, offsets }] of Object.entries(states)) {
        let state = names.get(name);
        if (!state) {
          state = { mode, perSubtask: old.map(() => []) };
          names.set(name, state);
        }
        for (const offset of offsets) (state.perSubtask[index] as Element[]).push({ stream, offset });
      }
    }
  });
  return names;
}

/** Gathers elements, one handle per stream they lie in; streams keep the order of the subtasks that wrote them. */
class HandlesBuilder {
  readonly #order: ReadonlyMap<StreamHandle, number>;
  readonly #byStream = new Map<StreamHandle, Record<string, { mode: RedistributionMode; offsets: number[] }>>();

  constructor(order: ReadonlyMap<StreamHandle, number>) {
    this.#order = order;
  }

  add(name: string, mode: RedistributionMode, elements: readonly Element[]): void {
    for (const { stream, offset } of elements) {
      let states = this.#byStream.get(stream);
      if (!states) {
        states = Object.create(null) as Record<string, { mode: RedistributionMode; offsets: number[] }>;
        this.#byStream.set(stream, states);
      }
      states[name] ??= { mode, offsets: [] };
      states[name].offsets.push(offset);
    }
  }

  build(): OperatorStateHandle[] {
    const inOrder = [...this.#byStream].sort(([one], [other]) => (this.#order.get(one) ?? 0) - (this.#order.get(other) ?? 0));
    return inOrder.map(([stream, states]) => ({ kind: 'operator', states: { ...states }, stream }));
  }
}
