/**
 * Makes a program see the same world each time it runs: time, random numbers, environment variables, working directory and
 * arguments are those of the submission. A captured `Date.now()` or `randomUUID()` is then equal in the client and in every subtask.
 *
 * Only code that runs inside {@link runPinned} (also across its awaits) sees the pins: other code of the thread, such as
 * functions of tasks that are already running, keeps the real clock. The patches are in place only while a pinned run is
 * under way, so that nothing is slower afterwards.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import nodeCrypto from 'node:crypto';
import fs from 'node:fs';
import fsPromises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import type { PinnedEnvironment } from '../graph/job-graph.ts';

export interface PinnedRunObserver {
  /** An environment variable was read; its value is worth pinning. */
  environmentRead?(name: string, value: string | undefined): void;
  /** Directory that travels with the program: reading there is no notice. */
  readonly ownDirectory?: string | undefined;
  /** The program did I/O outside `env.once`: a replay may see something else. */
  ioNoticed?(what: string): void;
}

interface PinnedRun {
  readonly pinned: PinnedEnvironment;
  readonly observer: PinnedRunObserver;
  readonly random: RandomSequence;
  clockReads: number;
  /** While modules are imported, reading files is how imports work. */
  importing: boolean;
}

const runs = new AsyncLocalStorage<PinnedRun>();
let active = 0;
let restore: (() => void) | undefined;

/**
 * Runs `program` with everything pinned; `importing` switches the notice of file reads off until it is called with false. What
 * the program started and did not wait for stays pinned until `ended` settles; without it, pins end with the program.
 */
export async function runPinned<T>(
  pinned: PinnedEnvironment,
  observer: PinnedRunObserver,
  program: (phase: { importing(on: boolean): void }) => Promise<T>,
  ended?: Promise<void>,
): Promise<T> {
  const run: PinnedRun = { pinned, observer, random: new RandomSequence(pinned.randomSeed), clockReads: 0, importing: true };
  if (active === 0) restore = patchGlobals();
  active += 1;
  const running = runs.run(run, () => program({ importing: (on) => setImporting(run, on) }));
  void (ended ?? running.then(() => {})).then(release, release);
  return running;
}

function release(): void {
  active -= 1;
  if (active === 0) restore?.();
}

function setImporting(run: PinnedRun, on: boolean): void {
  run.importing = on;
}

/** Leaves the pinned world: for Weir's own work inside a program's call, such as submitting the job. */
export function outsidePinned<T>(work: () => T): T {
  return runs.exit(work);
}

/** The clock stands still, but a program that waits for it in a loop still ends: every 1000 reads it advances by 1 ms. */
function pinnedNow(run: PinnedRun): number {
  run.clockReads += 1;
  return run.pinned.timeMs + Math.floor(run.clockReads / 1000);
}

function patchGlobals(): () => void {
  const undo = [patchDate(), patchRandom(), patchEnvironment(), patchWorkingDirectory(), patchFileReads()];
  syncBuiltinESMExports();
  return () => {
    for (const step of undo.reverse()) step();
    syncBuiltinESMExports();
  };
}

function patchDate(): () => void {
  const RealDate = globalThis.Date;
  const realNow = RealDate.now;
  const realPerformanceNow = performance.now;
  const PinnedDate: DateConstructor = new Proxy(RealDate, {
    construct(target, args, newTarget): Date {
      const run = args.length === 0 ? runs.getStore() : undefined;
      return Reflect.construct(target, run ? [pinnedNow(run)] : args, newTarget === PinnedDate ? target : newTarget) as Date;
    },
    apply() {
      const run = runs.getStore();
      return (run ? new RealDate(pinnedNow(run)) : new RealDate()).toString();
    },
  });
  RealDate.now = () => {
    const run = runs.getStore();
    return run ? pinnedNow(run) : realNow.call(RealDate);
  };
  globalThis.Date = PinnedDate;
  performance.now = () => {
    const run = runs.getStore();
    return run ? pinnedNow(run) - run.pinned.timeMs : realPerformanceNow.call(performance);
  };
  return () => {
    RealDate.now = realNow;
    globalThis.Date = RealDate;
    performance.now = realPerformanceNow;
  };
}

function patchRandom(): () => void {
  const real = {
    mathRandom: Math.random,
    randomUUID: nodeCrypto.randomUUID,
    randomBytes: nodeCrypto.randomBytes,
    randomInt: nodeCrypto.randomInt,
    webRandomUUID: globalThis.crypto.randomUUID,
    webGetRandomValues: globalThis.crypto.getRandomValues,
  };
  Math.random = () => runs.getStore()?.random.nextDouble() ?? real.mathRandom();
  const uuid = (): ReturnType<typeof nodeCrypto.randomUUID> => runs.getStore()?.random.nextUuid() ?? real.randomUUID();
  nodeCrypto.randomUUID = uuid as typeof nodeCrypto.randomUUID;
  nodeCrypto.randomBytes = ((size: number, callback?: (error: Error | null, bytes: Buffer) => void) => {
    const run = runs.getStore();
    if (!run) return callback ? real.randomBytes(size, callback) : real.randomBytes(size);
    const bytes = run.random.nextBytes(size);
    if (!callback) return bytes;
    queueMicrotask(() => callback(null, bytes));
    return undefined;
  }) as typeof nodeCrypto.randomBytes;
  nodeCrypto.randomInt = ((...args: [number, number?, unknown?]) => {
    const run = runs.getStore();
    if (!run || typeof args.at(-1) === 'function') return Reflect.apply(real.randomInt, nodeCrypto, args) as number;
    const [low, high] = typeof args[1] === 'number' ? [args[0], args[1]] : [0, args[0]];
    return low + Math.floor(run.random.nextDouble() * (high - low));
  }) as typeof nodeCrypto.randomInt;
  globalThis.crypto.randomUUID = uuid;
  globalThis.crypto.getRandomValues = ((array: NodeJS.ArrayBufferView) => {
    const run = runs.getStore();
    if (!run) return real.webGetRandomValues.call(globalThis.crypto, array as Uint8Array<ArrayBuffer>);
    new Uint8Array(array.buffer, array.byteOffset, array.byteLength).set(run.random.nextBytes(array.byteLength));
    return array;
  }) as typeof globalThis.crypto.getRandomValues;
  return () => {
    Math.random = real.mathRandom;
    Object.assign(nodeCrypto, { randomUUID: real.randomUUID, randomBytes: real.randomBytes, randomInt: real.randomInt });
    globalThis.crypto.randomUUID = real.webRandomUUID;
    globalThis.crypto.getRandomValues = real.webGetRandomValues;
  };
}

function patchEnvironment(): () => void {
  const realEnvironment = process.env;
  process.env = new Proxy(realEnvironment, {
    get(target, name, receiver) {
      const run = runs.getStore();
      if (!run || typeof name !== 'string') return Reflect.get(target, name, receiver) as string | undefined;
      const pinned = run.pinned.environment[name];
      const value = pinned === undefined ? target[name] : pinned;
      run.observer.environmentRead?.(name, value);
      return value;
    },
  });
  return () => {
    process.env = realEnvironment;
  };
}

function patchWorkingDirectory(): () => void {
  const real = process.cwd;
  process.cwd = () => runs.getStore()?.pinned.workingDirectory ?? real();
  return () => {
    process.cwd = real;
  };
}

const syncReads = ['readFileSync', 'readdirSync', 'createReadStream', 'readFile', 'readdir', 'openSync'] as const;
const promiseReads = ['readFile', 'readdir', 'open'] as const;

function patchFileReads(): () => void {
  const undo: (() => void)[] = [];
  const watch = (owner: Record<string, unknown>, name: string): void => {
    const real = owner[name] as (...args: unknown[]) => unknown;
    owner[name] = function watched(this: unknown, ...args: unknown[]): unknown {
      const run = runs.getStore();
      if (!run || run.importing || isOwnFile(run, args[0])) return Reflect.apply(real, this, args);
      run.observer.ioNoticed?.(`${name}(${String(args[0])})`);
      // One notice per call of the program, not one per call inside Node.
      const bound = args.map((arg) => (typeof arg === 'function' ? AsyncLocalStorage.bind(arg as () => void) : arg));
      return outsidePinned(() => Reflect.apply(real, this, bound));
    };
    undo.push(() => {
      owner[name] = real;
    });
  };
  for (const name of syncReads) watch(fs as unknown as Record<string, unknown>, name);
  for (const name of promiseReads) watch(fsPromises as unknown as Record<string, unknown>, name);
  return () => {
    for (const step of undo) step();
  };
}

function isOwnFile({ observer }: PinnedRun, path: unknown): boolean {
  if (observer.ownDirectory === undefined || !(typeof path === 'string' || path instanceof URL)) return false;
  return String(path)
    .replace(/^file:\/\//, '')
    .startsWith(`${observer.ownDirectory}/`);
}

/** xoshiro128** seeded from the text's SHA-256 (Blackman and Vigna, "Scrambled linear pseudorandom number generators"). */
class RandomSequence {
  readonly #state: Uint32Array;

  constructor(seed: string) {
    const digest = nodeCrypto.createHash('sha256').update(seed).digest();
    this.#state = new Uint32Array([digest.readUInt32LE(0), digest.readUInt32LE(4), digest.readUInt32LE(8), digest.readUInt32LE(12) | 1]);
  }

  #next(): number {
    const s = this.#state as unknown as [number, number, number, number];
    const multiplied = Math.imul(s[1], 5);
    const result = Math.imul((multiplied << 7) | (multiplied >>> 25), 9) >>> 0;
    const shifted = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = (s[3] << 11) | (s[3] >>> 21);
    return result;
  }

  nextDouble(): number {
    return ((this.#next() >>> 5) * 0x4000000 + (this.#next() >>> 6)) / 0x20000000000000;
  }

  nextBytes(size: number): Buffer {
    const bytes = Buffer.alloc(size);
    for (let i = 0; i < size; i++) bytes[i] = this.#next() >>> 24;
    return bytes;
  }

  nextUuid(): ReturnType<typeof nodeCrypto.randomUUID> {
    const bytes = this.nextBytes(16);
    bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40;
    bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
    const hex = bytes.toString('hex');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  }
}
