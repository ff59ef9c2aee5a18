/** What a window is. Windows of one key are told apart by what {@link WindowSerializer} makes of them. */
import { UserError } from '../../shared/errors.ts';
import { MAX_WATERMARK } from '../../shared/time.ts';

export interface Window {
  /** The largest timestamp that still belongs to the window; also the timestamp of its results. */
  maxTimestamp(): number;
}

/** From `start` to before `end`, in milliseconds. */
export class TimeWindow implements Window {
  readonly start: number;
  readonly end: number;

  constructor(start: number, end: number) {
    this.start = start;
    this.end = end;
  }

  getStart(): number {
    return this.start;
  }

  getEnd(): number {
    return this.end;
  }

  maxTimestamp(): number {
    return this.end - 1;
  }

  /** Also when one begins where the other ends. */
  intersects(other: TimeWindow): boolean {
    return this.start <= other.end && this.end >= other.start;
  }

  /** The smallest window that covers both. */
  cover(other: TimeWindow): TimeWindow {
    return new TimeWindow(Math.min(this.start, other.start), Math.max(this.end, other.end));
  }

  toString(): string {
    return `TimeWindow{start=${this.start}, end=${this.end}}`;
  }

  /** Where the window of this size begins that the timestamp falls into. */
  static getWindowStartWithOffset(timestamp: number, offset: number, size: number): number {
    const remainder = (timestamp - offset) % size;
    return remainder < 0 ? timestamp - (remainder + size) : timestamp - remainder;
  }
}

/** The one window that holds everything. */
export class GlobalWindow implements Window {
  static readonly #instance = new GlobalWindow();

  static get(): GlobalWindow {
    return GlobalWindow.#instance;
  }

  maxTimestamp(): number {
    return MAX_WATERMARK;
  }

  toString(): string {
    return 'GlobalWindow';
  }
}

/** How state and timers name a window: by plain data that is different for different windows of a key. */
export interface WindowSerializer<W extends Window> {
  toKey(window: W): number | string | undefined;
  fromKey(key: number | string | undefined): W;
}

/** Any time windows. */
export const timeWindowSerializer: WindowSerializer<TimeWindow> = {
  toKey: (window) => `${window.start},${window.end}`,
  fromKey: (key) => {
    const text = String(key);
    const comma = text.indexOf(',');
    return new TimeWindow(Number(text.slice(0, comma)), Number(text.slice(comma + 1)));
  },
};

/** Time windows that all have this size. */
export function fixedSizeSerializer(sizeMs: number): WindowSerializer<TimeWindow> {
  return { toKey: (window) => window.start, fromKey: (key) => new TimeWindow(key as number, (key as number) + sizeMs) };
}

/** Windows of a key that never overlap: the start is enough. Whoever reads the key back knows the window's end. */
export const disjointSerializer: WindowSerializer<TimeWindow> = {
  toKey: (window) => window.start,
  fromKey: (key) => new TimeWindow(key as number, key as number),
};

export const globalWindowSerializer: WindowSerializer<GlobalWindow> = { toKey: () => undefined, fromKey: () => GlobalWindow.get() };

/** A size, slide, gap, lateness or count that makes sense; throws UserError('BAD_WINDOW') otherwise. */
export function checkedAmount(value: number, what: string, least: number, unit = 'milliseconds'): number {
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new UserError('BAD_WINDOW', {
    problem: `${what} is ${value}: a whole number of ${unit} is wanted, ${least === 0 ? '0 or more' : `at least ${least}`}.`,
  });
}
