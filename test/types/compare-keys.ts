import { expect } from 'vitest';

/** That the fields of plain objects are in the same order, at every depth: equality does not look at it. */
export function compareKeys(one: unknown, other: unknown): void {
  if (typeof one !== 'object' || one === null || typeof other !== 'object' || other === null) return;
  const keys = Object.keys(one);
  expect(keys).toEqual(Object.keys(other));
  if (ArrayBuffer.isView(one)) return;
  for (const key of keys) compareKeys((one as Record<string, unknown>)[key], (other as Record<string, unknown>)[key]);
}
