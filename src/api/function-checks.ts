/** Checks on functions that can be made while the graph is built, and key selectors in their one normal form. */
import { UserError } from '../shared/errors.ts';
import type { KeySelectorFn } from './functions.ts';

const asyncFunction = Object.getPrototypeOf(async () => {}) as object;
const asyncGenerator = Object.getPrototypeOf(async function* () {}) as object;

/** Throws UserError('ASYNC_FUNCTION') for functions that return a promise for each record. */
export function refuseAsync(value: unknown, call: string): void {
  const method = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[call] : value;
  if (typeof method !== 'function') {
    throw new UserError('NOT_A_FUNCTION', {
      problem: `${call}() wants a function, or an object with a method ${call}; it got ${value === null ? 'null' : typeof value}.`,
    });
  }
  const prototype = Object.getPrototypeOf(method) as object;
  if (prototype !== asyncFunction && prototype !== asyncGenerator) return;
  throw new UserError('ASYNC_FUNCTION', {
    problem: `${call}() was given an async function; functions called for each record are synchronous.`,
    tryNext: ['Use asynchronous I/O for calls that wait for the outside world, or do the waiting in open().'],
  });
}

/** Throws UserError('NOT_KEYED') for a literal that can only work with a key: it declares state, or answers timers. */
export function refuseKeyedParts(processFunction: object): void {
  if (Object.getPrototypeOf(processFunction) !== Object.prototype) return;
  const part = ['state', 'onTimer'].find((name) => (processFunction as Record<string, unknown>)[name] !== undefined);
  if (part === undefined) return;
  throw new UserError('NOT_KEYED', {
    problem: `process() was given a function with ${part === 'state' ? 'keyed state (state)' : 'timers (onTimer)'} on a stream that has no keys.`,
    tryNext: ['Call keyBy before it.'],
  });
}

export function selectorOf(selector: unknown, call: string): KeySelectorFn {
  if (typeof selector === 'function') {
    refuseAsync(selector, call);
    return selector as KeySelectorFn;
  }
  if (typeof selector === 'string' || typeof selector === 'number') return fieldSelector(selector);
  const getKey = (selector as { getKey?: unknown } | null)?.getKey;
  if (typeof getKey === 'function') return (value) => getKey.call(selector, value) as unknown;
  throw new UserError('NOT_A_KEY_SELECTOR', { problem: `${call}() wants a field name, a tuple index or a function of the record.` });
}

const selectedFields = new WeakMap<KeySelectorFn, string | number>();

function fieldSelector(field: string | number): KeySelectorFn {
  const select = (value: Record<string | number, unknown>): unknown => value[field];
  selectedFields.set(select, field);
  return select;
}

/** The field that a key selector takes, when it was given as a field name or tuple index. */
export function selectedField(selector: KeySelectorFn): string | number | undefined {
  return selectedFields.get(selector);
}
