/** Which directory below the sink's path a record belongs to. */

export interface BucketContext {
  currentProcessingTime(): number;
  currentWatermark(): number;
  timestamp(): number | null;
}

export interface BucketAssigner<T> {
  /** A relative path; the empty string is the sink's own directory. */
  getBucketId(record: T, context: BucketContext): string;
}

/** By the hour (or another format) of processing time. */
export class DateTimeBucketAssigner<T> implements BucketAssigner<T> {
  readonly #pattern: string;
  readonly #format: Intl.DateTimeFormat;
  #lastMinute = Number.NaN;
  #lastId = '';

  /** `yyyy`, `MM`, `dd`, `HH` and `mm` are replaced; the zone is the machine's unless one is named. */
  constructor(pattern = 'yyyy-MM-dd--HH', timeZone?: string) {
    this.#pattern = pattern;
    this.#format = new Intl.DateTimeFormat('en-CA', {
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
      ...(timeZone === undefined ? {} : { timeZone }),
    });
  }

  getBucketId(_record: T, context: BucketContext): string {
    const minute = Math.floor(context.currentProcessingTime() / 60_000);
    if (minute !== this.#lastMinute) {
      this.#lastMinute = minute;
      this.#lastId = this.#render(new Date(minute * 60_000));
    }
    return this.#lastId;
  }

  #render(date: Date): string {
    const parts = Object.fromEntries(this.#format.formatToParts(date).map(({ type, value }) => [type, value]));
    const values: Record<string, string | undefined> = {
      yyyy: parts['year'],
      MM: parts['month'],
      dd: parts['day'],
      HH: parts['hour'],
      mm: parts['minute'],
    };
    return this.#pattern.replace(/yyyy|MM|dd|HH|mm/g, (field) => values[field] ?? field);
  }
}

/** All records in the sink's own directory. */
export class BasePathBucketAssigner<T> implements BucketAssigner<T> {
  getBucketId(): string {
    return '';
  }
}
