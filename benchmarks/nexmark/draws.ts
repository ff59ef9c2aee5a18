/**
 * Random numbers for the generator. In the reproducible mode every event is drawn from a seed of its own: the data is the same in every
 * run, language and placement, and any event can be made without those before it.
 */
export interface Draws {
  /** Before each event. */
  seed(high: number, low: number): void;
  /** From 0 to before `bound`. */
  below(bound: number): number;
  /** Log-uniform, 100 to 100 000 000 cents. */
  price(): number;
}

function mix(value: number): number {
  let x = value;
  x ^= x >>> 16;
  x = Math.imul(x, 0x21f0aaad);
  x ^= x >>> 15;
  x = Math.imul(x, 0x735a2d97);
  return x ^ (x >>> 15);
}

const priceSteps = Float64Array.from({ length: 4097 }, (_, step) => Math.round(10 ** (step / 4096) * 1e8));
const powersOfTen = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000];

export class ReproducibleDraws implements Draws {
  readonly #seed: number;
  #state = 0;

  constructor(seed = 42) {
    this.#seed = seed | 0;
  }

  seed(high: number, low: number): void {
    this.#state = mix((mix(this.#seed ^ (low | 0)) + Math.imul(high | 0, 0x9e3779b9)) | 0);
  }

  int32(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0;
    return mix(this.#state);
  }

  below(bound: number): number {
    return Math.floor(((this.int32() >>> 0) * bound) / 4294967296);
  }

  /** By a table, so that no language rounds differently. */
  price(): number {
    const digits = this.below(6);
    const step = this.below(4096);
    const fraction = this.below(65536);
    const from = priceSteps[step] as number;
    const value = from + Math.floor((((priceSteps[step + 1] as number) - from) * fraction) / 65536);
    return Math.floor(value / (powersOfTen[6 - digits] as number));
  }
}

/** Another data set in every run, equal to the others in distribution. */
export class RandomDraws implements Draws {
  seed(): void {}

  below(bound: number): number {
    return Math.floor(Math.random() * bound);
  }

  price(): number {
    return Math.round(10 ** (6 * Math.random()) * 100);
  }
}
