/** Payments to a million accounts, each with a small record: what checkpoints are measured with. */
export const accounts = 1_000_000;

export interface Payment {
  readonly account: number;
  readonly amount: number;
  /** When it should have been emitted, in ms of {@link hostClock}; 0 when nobody waits for it. */
  readonly due: number;
}

export interface Account {
  readonly payments: number;
  readonly total: number;
  readonly largest: number;
}

/** The first million reach each account once; then they come in a scattered order. */
export function payment(index: number, due = 0): Payment {
  const mixed = index < accounts ? index : Math.imul(index, 0x9e3779b1) >>> 4;
  return { account: mixed % accounts, amount: index & 1023, due };
}

export function paid(account: Account | undefined, amount: number): Account {
  if (!account) return { payments: 1, total: amount, largest: amount };
  return { payments: account.payments + 1, total: account.total + amount, largest: Math.max(account.largest, amount) };
}

const offsetMs = Number(process.hrtime.bigint()) / 1e6 - performance.now();

/** Milliseconds of a clock that all threads and processes of a machine share, and that never steps. */
export function hostClock(): number {
  return performance.now() + offsetMs;
}
