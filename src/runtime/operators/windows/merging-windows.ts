/**
 * Which windows of the current key have grown together, and which namespace holds the contents of each. Merging moves no more contents
 * than it must: the merged window keeps the namespace of one of its parts. Kept with the keyed state.
 */
import type { KeyedStateAccess } from '../../../api/operators.ts';
import type { ValueState } from '../../../api/state.ts';
import type { MergingWindowAssigner } from '../../../api/windows/assigners.ts';
import { TimeWindow } from '../../../api/windows/window.ts';

type WindowKey = number | string | undefined;

export interface InFlightWindow {
  readonly window: TimeWindow;
  /** Where its contents are. */
  readonly contents: WindowKey;
}

export interface Merge {
  readonly result: TimeWindow;
  /** Windows that were in flight and are now part of the result. */
  readonly merged: readonly TimeWindow[];
  /** Namespaces whose contents move to that of the result. */
  readonly moved: readonly WindowKey[];
}

type Stored = readonly [start: number, end: number, contents: WindowKey];

export class MergingWindows {
  readonly #assigner: MergingWindowAssigner<unknown>;
  readonly #keyOf: (window: TimeWindow) => WindowKey;
  readonly #state: ValueState<readonly Stored[]>;
  #windows: readonly InFlightWindow[] = [];

  constructor(keyedState: KeyedStateAccess, assigner: MergingWindowAssigner<unknown>) {
    this.#assigner = assigner;
    this.#keyOf = (window) => assigner.getWindowSerializer().toKey(window);
    this.#state = keyedState.getState({ kind: 'value', name: 'merging-windows' }) as ValueState<readonly Stored[]>;
  }

  /** Before anything else is asked about the current key. */
  load(): void {
    const stored = this.#state.value();
    this.#windows = stored === null ? [] : stored.map(([start, end, contents]) => ({ window: new TimeWindow(start, end), contents }));
  }

  store(): void {
    this.#state.update(
      this.#windows.length === 0 ? null : this.#windows.map(({ window, contents }) => [window.start, window.end, contents] as const),
    );
  }

  /** The window in flight that timers and trigger state call so. */
  named(key: unknown): InFlightWindow | undefined {
    return this.#windows.find(({ window }) => this.#keyOf(window) === key);
  }

  /** Where the window would end up, without changing anything: for windows that are too late. */
  wouldBecome(window: TimeWindow): TimeWindow {
    let becomes = window;
    this.#assigner.mergeWindows([...this.#windows.map(({ window: inFlight }) => inFlight), window], (group, result) => {
      if (group.includes(window)) becomes = result;
    });
    return becomes;
  }

  /** Adds the window; `onMerge` is told when windows in flight were merged, with the new contents namespace in place. */
  add(window: TimeWindow, onMerge: (merge: Merge, contents: WindowKey) => void): InFlightWindow {
    const known = this.#windows.find((inFlight) => inFlight.window.start === window.start && inFlight.window.end === window.end);
    if (known) return known;
    let added: InFlightWindow | undefined;
    const before = this.#windows;
    this.#assigner.mergeWindows([...before.map((inFlight) => inFlight.window), window], (group, result) => {
      const parts = this.#windows.filter((inFlight) => group.includes(inFlight.window));
      const [first] = parts;
      if (!first) return;
      const merged: InFlightWindow = { window: result, contents: first.contents };
      this.#windows = [...this.#windows.filter((inFlight) => !parts.includes(inFlight)), merged];
      if (group.includes(window)) added = merged;
      // A window that only swallowed the new one is what it was.
      const isUnchanged = parts.length === 1 && first.window.start === result.start && first.window.end === result.end;
      if (isUnchanged) return;
      const moved = parts.slice(1).map(({ contents }) => contents);
      onMerge({ result, merged: parts.map((part) => part.window), moved }, merged.contents);
    });
    if (!added) {
      added = { window, contents: this.#keyOf(window) };
      this.#windows = [...this.#windows, added];
    }
    return added;
  }

  retire(window: TimeWindow): void {
    this.#windows = this.#windows.filter((inFlight) => inFlight.window.start !== window.start || inFlight.window.end !== window.end);
  }
}
