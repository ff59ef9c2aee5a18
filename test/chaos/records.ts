/** What the records of the chaos job are, by their place: the job and the plain computation agree on this, and on nothing else. */

export const keysPerRange = 29;
export const windowMs = 500;
export const rules = 40;
/** Records that make one rule: it is in force when all are there, and each counts. */
export const partsOfRule = 50;

export function keyOf(range: number, n: number): string {
  return `${range}:${(n * 7) % keysPerRange}`;
}

export function recordValue(range: number, n: number): number {
  return Math.imul(n * 31 + range + 1, 0x9e3779b1) >>> 22;
}

/** Event time, ms. */
export function timeOf(n: number): number {
  return n * 10;
}

/** Which rule the record needs. */
export function ruleOf(n: number, perRange: number): number {
  return Math.floor((n * rules) / perRange);
}

export function ruleValue(rule: number, parts: number): number {
  return rule * rule + parts;
}
