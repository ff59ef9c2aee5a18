/** Windows as slow and plain as can be: every element is kept in a list of each of its windows. */

export interface Element {
  readonly key: string;
  readonly at: number;
  readonly n: number;
}

export interface Result {
  readonly key: string;
  readonly start: number;
  readonly end: number;
  /** The numbers of the elements, sorted. */
  readonly elements: number[];
}

interface OpenWindow {
  readonly key: string;
  start: number;
  end: number;
  readonly elements: number[];
}

export type Shape =
  | { readonly kind: 'aligned'; readonly size: number; readonly slide: number; readonly offset: number }
  | { readonly kind: 'session'; readonly gap: number };

export class WindowModel {
  readonly late: number[] = [];
  readonly #shape: Shape;
  readonly #lateness: number;
  #watermark = Number.NEGATIVE_INFINITY;
  #open: OpenWindow[] = [];

  constructor(shape: Shape, lateness: number) {
    this.#shape = shape;
    this.#lateness = lateness;
  }

  element(element: Element): Result[] {
    const windows = this.#shape.kind === 'session' ? this.#session(element, this.#shape.gap) : this.#aligned(element);
    if (windows.length === 0 && element.at + this.#lateness <= this.#watermark) this.late.push(element.n);
    for (const window of windows) window.elements.push(element.n);
    return windows.filter((window) => window.end - 1 <= this.#watermark).map(resultOf);
  }

  watermark(timestamp: number): Result[] {
    if (timestamp <= this.#watermark) return [];
    const before = this.#watermark;
    this.#watermark = timestamp;
    const fired = this.#open.filter(({ end }) => end - 1 > before && end - 1 <= timestamp).map(resultOf);
    this.#open = this.#open.filter((window) => !this.#isOver(window));
    return fired;
  }

  #isOver({ end }: { readonly end: number }): boolean {
    return end - 1 + this.#lateness <= this.#watermark;
  }

  #aligned({ key, at }: Element): OpenWindow[] {
    const { size, slide, offset } = this.#shape as Extract<Shape, { kind: 'aligned' }>;
    const windows: OpenWindow[] = [];
    for (let start = at - size + 1; start <= at; start++) {
      if ((((start - offset) % slide) + slide) % slide !== 0) continue;
      if (this.#isOver({ end: start + size })) continue;
      let window = this.#open.find((open) => open.key === key && open.start === start);
      if (!window) {
        window = { key, start, end: start + size, elements: [] };
        this.#open.push(window);
      }
      windows.push(window);
    }
    return windows;
  }

  #session({ key, at }: Element, gap: number): OpenWindow[] {
    const merged: OpenWindow = { key, start: at, end: at + gap, elements: [] };
    const touching = this.#open.filter((open) => open.key === key && open.start <= merged.end && open.end >= merged.start);
    for (const { start, end } of touching) {
      merged.start = Math.min(merged.start, start);
      merged.end = Math.max(merged.end, end);
    }
    if (this.#isOver(merged)) return [];
    merged.elements.push(...touching.flatMap(({ elements }) => elements));
    this.#open = [...this.#open.filter((open) => !touching.includes(open)), merged];
    return [merged];
  }
}

function resultOf({ key, start, end, elements }: OpenWindow): Result {
  return { key, start, end, elements: [...elements].sort((a, b) => a - b) };
}
