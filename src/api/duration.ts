/** Durations as programs write them: milliseconds, `'30s'`, or Flink's `Time.seconds(30)`. */

import { parseDuration } from '../config/values.ts';
import { UserError } from '../shared/errors.ts';

type Unit = 'ms' | 's' | 'sec' | 'm' | 'min' | 'h' | 'd';
export type Duration = number | `${number}${Unit}` | `${number} ${Unit}` | Time;

/** Flink's `Time.seconds(5)`; also a `java.time.Duration` in disguise: `Duration.ofSeconds(5)`. */
export class Time {
  readonly #milliseconds: number;

  private constructor(milliseconds: number) {
    this.#milliseconds = milliseconds;
  }

  static milliseconds(n: number): Time {
    return new Time(n);
  }

  static seconds(n: number): Time {
    return new Time(n * 1000);
  }

  static minutes(n: number): Time {
    return new Time(n * 60_000);
  }

  static hours(n: number): Time {
    return new Time(n * 3_600_000);
  }

  static days(n: number): Time {
    return new Time(n * 86_400_000);
  }

  toMilliseconds(): number {
    return this.#milliseconds;
  }
}

/** Throws UserError('BAD_DURATION') naming `what`. */
export function durationMs(duration: Duration, what: string): number {
  if (typeof duration === 'object') return duration.toMilliseconds();
  try {
    const milliseconds = typeof duration === 'number' ? duration : parseDuration(duration);
    if (Number.isFinite(milliseconds)) return milliseconds;
  } catch {
    // Falls through to the one message.
  }
  throw new UserError('BAD_DURATION', {
    problem: `${what}: '${String(duration)}' is no duration.`,
    tryNext: ["Write 500 (milliseconds), '30s', '5min' or Time.seconds(30)."],
  });
}
