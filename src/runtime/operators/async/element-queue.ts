/** What an asynchronous operator has taken and not yet emitted, in the order in which it may leave. */
import { MIN_TIMESTAMP } from '../../../shared/time.ts';

/** An input whose results are awaited, or wait to be emitted. */
export class PendingElement {
  readonly kind = 'element';
  readonly value: unknown;
  readonly timestamp: number;
  /** Which call counts, from 1: answers of earlier ones are ignored. */
  attempt = 1;
  isDone = false;
  results: unknown = undefined;
  /** Made when the function asks for its signal. */
  abort: AbortController | undefined = undefined;
  /** When it times out; neighbours in the order of their deadlines. */
  deadline = Number.POSITIVE_INFINITY;
  earlier: PendingElement | undefined = undefined;
  later: PendingElement | undefined = undefined;
  /** Of an unordered queue. */
  segment: Segment | undefined = undefined;

  constructor(value: unknown, timestamp: number) {
    this.value = value;
    this.timestamp = timestamp;
  }
}

/** Keeps its place between the elements. */
export class Marker {
  readonly kind = 'marker';
  /** MIN_TIMESTAMP: none. */
  watermark = MIN_TIMESTAMP;
  idle: boolean | undefined = undefined;
}

/** Elements between two markers. */
interface Segment {
  waiting: number;
  readonly done: PendingElement[];
  end: Marker | undefined;
}

export interface ElementQueue {
  /** Elements, markers left out. */
  readonly size: number;
  readonly isEmpty: boolean;
  /** Something can leave. */
  readonly hasDone: boolean;
  add(element: PendingElement): void;
  addWatermark(timestamp: number): void;
  addStatus(idle: boolean): void;
  markDone(element: PendingElement): void;
  /** Takes out what may leave next, if there is such a thing. */
  takeDone(): PendingElement | Marker | undefined;
  /** In the order in which they came. */
  elements(): Iterable<PendingElement>;
}

/** Leaves as it came. */
export class OrderedQueue implements ElementQueue {
  readonly #items: (PendingElement | Marker)[] = [];
  #head = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get isEmpty(): boolean {
    return this.#head === this.#items.length;
  }

  get hasDone(): boolean {
    const head = this.#items[this.#head];
    return head !== undefined && (head.kind === 'marker' || head.isDone);
  }

  add(element: PendingElement): void {
    this.#items.push(element);
    this.#size++;
  }

  addWatermark(timestamp: number): void {
    this.#lastMarker().watermark = timestamp;
  }

  addStatus(idle: boolean): void {
    this.#lastMarker().idle = idle;
  }

  markDone(element: PendingElement): void {
    element.isDone = true;
  }

  takeDone(): PendingElement | Marker | undefined {
    if (!this.hasDone) return undefined;
    const item = this.#items[this.#head++] as PendingElement | Marker;
    if (item.kind === 'element') this.#size--;
    if (this.#head === this.#items.length || this.#head > 1024) {
      this.#items.splice(0, this.#head);
      this.#head = 0;
    }
    return item;
  }

  *elements(): Generator<PendingElement> {
    for (let i = this.#head; i < this.#items.length; i++) {
      const item = this.#items[i] as PendingElement | Marker;
      if (item.kind === 'element') yield item;
    }
  }

  /** Nothing came since: the newer word stands for both. */
  #lastMarker(): Marker {
    const last = this.#items.at(-1);
    if (last?.kind === 'marker') return last;
    const marker = new Marker();
    this.#items.push(marker);
    return marker;
  }
}

/** Leaves as it is done, but never across a marker. */
export class UnorderedQueue implements ElementQueue {
  readonly #elements = new Set<PendingElement>();
  readonly #segments: Segment[] = [newSegment()];

  get size(): number {
    return this.#elements.size;
  }

  get isEmpty(): boolean {
    return this.#elements.size === 0 && this.#segments.length === 1;
  }

  get hasDone(): boolean {
    const first = this.#segments[0] as Segment;
    return first.done.length > 0 || (first.waiting === 0 && first.end !== undefined);
  }

  add(element: PendingElement): void {
    const segment = this.#segments.at(-1) as Segment;
    segment.waiting++;
    element.segment = segment;
    this.#elements.add(element);
  }

  addWatermark(timestamp: number): void {
    this.#lastMarker().watermark = timestamp;
  }

  addStatus(idle: boolean): void {
    this.#lastMarker().idle = idle;
  }

  markDone(element: PendingElement): void {
    element.isDone = true;
    const segment = element.segment as Segment;
    segment.waiting--;
    segment.done.push(element);
  }

  takeDone(): PendingElement | Marker | undefined {
    const first = this.#segments[0] as Segment;
    const element = first.done.shift();
    if (element) {
      this.#elements.delete(element);
      return element;
    }
    if (first.waiting > 0 || first.end === undefined) return undefined;
    this.#segments.shift();
    return first.end;
  }

  elements(): Iterable<PendingElement> {
    return this.#elements;
  }

  /** A marker ends the last segment; where that has nothing yet, it belongs to the marker before it. */
  #lastMarker(): Marker {
    const last = this.#segments.at(-1) as Segment;
    const before = this.#segments.at(-2);
    if (before?.end && last.waiting === 0 && last.done.length === 0) return before.end;
    const marker = new Marker();
    last.end = marker;
    this.#segments.push(newSegment());
    return marker;
  }
}

function newSegment(): Segment {
  return { waiting: 0, done: [], end: undefined };
}

/** Elements in the order in which they time out, which is the order in which they came. */
export class Deadlines {
  #first: PendingElement | undefined;
  #last: PendingElement | undefined;

  get first(): PendingElement | undefined {
    return this.#first;
  }

  append(element: PendingElement): void {
    element.earlier = this.#last;
    if (this.#last) this.#last.later = element;
    else this.#first = element;
    this.#last = element;
  }

  remove(element: PendingElement): void {
    if (element !== this.#first && element.earlier === undefined) return;
    if (element.earlier) element.earlier.later = element.later;
    else this.#first = element.later;
    if (element.later) element.later.earlier = element.earlier;
    else this.#last = element.earlier;
    element.earlier = undefined;
    element.later = undefined;
  }
}
