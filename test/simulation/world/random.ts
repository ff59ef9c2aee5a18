/** All that is left to chance in a simulation, drawn from its seed. */
import { Random } from '../../integration/random-graph/random.ts';

const resolution = 2 ** 24;

export class Chance {
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = new Random(Math.imul(seed, 0x9e3779b1) ^ 0x5bd1e995);
  }

  /** From 0 to below 1. */
  readonly share = (): number => this.#random.below(resolution) / resolution;

  /** A whole number of `from` to `to`, both included. */
  between(from: number, to: number): number {
    return from + this.#random.below(to - from + 1);
  }

  /** Milliseconds and fractions of `from` to below `to`. */
  duration(from: number, to: number): number {
    return from + this.share() * (to - from);
  }

  happens(probability: number): boolean {
    return probability > 0 && this.share() < probability;
  }

  oneOf<T>(choices: readonly T[]): T {
    return this.#random.oneOf(choices);
  }
}
