/**
 * The heap backend alone, in a process of its own: `node keyed-state.ts <shape> <units>`. Prints one line of JSON.
 *
 * Shapes: `number` and `string` (that many keys with a record each), `map` (one key with a map of that many entries), `timers`
 * (that many keys with a timer each). The load reads and updates random units; beside it a snapshot is written to memory in
 * slices of a millisecond, as a slot does it.
 */

import { PerformanceObserver } from 'node:perf_hooks';
import type { MapState, ValueState } from '../../src/api/state.ts';
import { HeapKeyedStateBackend } from '../../src/state/keyed/heap-keyed-state-backend.ts';
import type { StreamHandle } from '../../src/state/snapshot/handles.ts';
import type { CheckpointOutputStream } from '../../src/state/storage/checkpoint-streams.ts';

/** Thread CPU; one number per round. */
export interface KeyedStateResult {
  /** The load's time per update, and that of the same load on a plain Map, in turns. */
  readonly nsPerUpdate: readonly number[];
  readonly bareNsPerUpdate: readonly number[];
  readonly nsPerUpdateDuringSnapshot: readonly number[];
  /** The walk and what was saved before a touch are both in here. */
  readonly snapshotMs: readonly number[];
  /** Slices in which the collector ran are left out: it would have run anyway. */
  readonly longestSliceMs: readonly number[];
  readonly restoreMs: readonly number[];
  readonly streamBytesPerUnit: number;
  readonly heapBytesPerUnit: number;
}

type Shape = 'number' | 'string' | 'map' | 'timers';
interface Item {
  count: number;
  total: number;
  name: string;
}

const options = { operatorName: 'bench', keyGroups: { start: 0, end: 127 }, maxParallelism: 128 };
const [shape, unitsText] = process.argv.slice(2) as [Shape, string];
const units = Number(unitsText);
const keyOf = (i: number): unknown => (shape === 'string' ? `customer-${i.toString(36).padStart(8, '0')}` : i);
const names = ['north', 'south', 'east', 'west'];
const itemOf = (i: number): Item => ({ count: i & 7, total: i * 1.25, name: names[i & 3] as string });

class MemoryStream implements CheckpointOutputStream {
  readonly isReady = true;
  readonly pieces: Uint8Array[] = [];
  write(bytes: Uint8Array): void {
    this.pieces.push(bytes);
  }
  async whenReady(): Promise<void> {}
  async close(): Promise<StreamHandle> {
    return { kind: 'bytes', bytes: new Uint8Array(0), checksum: 0 };
  }
  async abort(): Promise<void> {}
}

class Load {
  readonly backend = new HeapKeyedStateBackend(options);
  readonly #value = this.backend.getState({ kind: 'value', name: 'item' }) as ValueState<Item>;
  readonly #map = this.backend.getState({ kind: 'map', name: 'items' }) as MapState<unknown, Item>;
  readonly #timers = this.backend.timers('user-timers').event;
  /** Made before: the load is the state's, not the making of keys. */
  readonly #keys = Array.from({ length: units }, (_, i) => keyOf(i));
  #seed = 1;

  fill(): void {
    for (let i = 0; i < units; i++) {
      this.backend.setCurrentKey(shape === 'map' ? 'one' : this.#keys[i]);
      if (shape === 'map') this.#map.put(this.#keys[i], itemOf(i));
      else if (shape === 'timers') this.#timers.add(1_000_000 + (i % 1000), i);
      else this.#value.update(itemOf(i));
    }
  }

  update(times: number): void {
    for (let i = 0; i < times; i++) {
      const unit = this.#next();
      const key = this.#keys[unit];
      this.backend.setCurrentKey(shape === 'map' ? 'one' : key);
      if (shape === 'timers') {
        this.#timers.delete(1_000_000 + (unit % 1000), key);
        this.#timers.add(1_000_000 + (unit % 1000), key);
      } else if (shape === 'map') {
        const item = this.#map.get(key) as Item;
        this.#map.put(key, { count: item.count + 1, total: item.total, name: item.name });
      } else {
        const item = this.#value.value() as Item;
        this.#value.update({ count: item.count + 1, total: item.total, name: item.name });
      }
    }
  }

  updateBare(map: Map<unknown, Item>, times: number): void {
    for (let i = 0; i < times; i++) {
      const key = this.#keys[this.#next()];
      const item = map.get(key) as Item;
      map.set(key, { count: item.count + 1, total: item.total, name: item.name });
    }
  }

  bareMap(): Map<unknown, Item> {
    return new Map(this.#keys.map((key, i) => [key, itemOf(i)]));
  }

  #next(): number {
    this.#seed = (Math.imul(this.#seed, 1664525) + 1013904223) >>> 0;
    return this.#seed % units;
  }
}

const threadCpuMs = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};

function nsPer(times: number, run: () => void): number {
  const begun = threadCpuMs();
  run();
  return ((threadCpuMs() - begun) * 1e6) / times;
}

interface Slice {
  readonly from: number;
  readonly to: number;
  readonly tookMs: number;
}

const collections: { readonly from: number; readonly to: number }[] = [];
new PerformanceObserver((list) => {
  for (const { startTime, duration } of list.getEntries()) collections.push({ from: startTime, to: startTime + duration });
}).observe({ entryTypes: ['gc'] });

const rounds = 5;
const timesPerRound = 1_000_000;
const updatesPerTurn = 2000;

async function snapshotRound(load: Load): Promise<{ stream: Uint8Array; updateNs: number; snapshotMs: number; longestSliceMs: number }> {
  const output = new MemoryStream();
  const snapshot = load.backend.snapshot(1, output);
  const slices: Slice[] = [];
  let sliceMs = 0;
  let updateMs = 0;
  let updates = 0;
  for (let goesOn = true; goesOn; ) {
    const from = performance.now();
    const begun = threadCpuMs();
    goesOn = snapshot.advance(from + 1);
    const walked = threadCpuMs();
    const to = performance.now();
    load.update(updatesPerTurn);
    updates += updatesPerTurn;
    sliceMs += walked - begun;
    // CPU is counted in ticks of some milliseconds, and the clock goes on while others have the processor.
    slices.push({ from, to, tookMs: Math.min(to - from, walked - begun) });
    updateMs += threadCpuMs() - walked;
  }
  await snapshot.result;
  // Collections are reported behind the fact.
  await new Promise((resume) => setTimeout(resume, 100));
  const ofItself = slices.filter(({ from, to }) => !collections.some((collection) => collection.from < to && collection.to > from));
  const longestSliceMs = Math.max(...ofItself.map(({ tookMs }) => tookMs));
  return { stream: Buffer.concat(output.pieces), updateNs: (updateMs * 1e6) / updates, snapshotMs: sliceMs, longestSliceMs };
}

async function restoreRound(stream: Uint8Array): Promise<number> {
  const handle = { kind: 'keyed', keyGroups: options.keyGroups, stream: { kind: 'bytes', bytes: stream, checksum: 0 } } as const;
  const backend = new HeapKeyedStateBackend(options);
  const begun = threadCpuMs();
  await backend.restore([handle], async () => stream);
  return threadCpuMs() - begun;
}

const heapBefore = process.memoryUsage().heapUsed;
const load = new Load();
const keysOnly = process.memoryUsage().heapUsed - heapBefore;
load.fill();
globalThis.gc?.();
const heapBytesPerUnit = (process.memoryUsage().heapUsed - heapBefore - keysOnly) / units;
const bare = load.bareMap();
load.update(timesPerRound);
load.updateBare(bare, timesPerRound);
const nsPerUpdate: number[] = [];
const bareNsPerUpdate: number[] = [];
for (let round = 0; round < rounds; round++) {
  nsPerUpdate.push(nsPer(timesPerRound, () => load.update(timesPerRound)));
  bareNsPerUpdate.push(nsPer(timesPerRound, () => load.updateBare(bare, timesPerRound)));
}
const snapshots = [];
const restoreMs: number[] = [];
for (let round = 0; round < rounds; round++) {
  const { stream, ...figures } = await snapshotRound(load);
  snapshots.push({ ...figures, bytes: stream.length });
  restoreMs.push(await restoreRound(stream));
}
const result: KeyedStateResult = {
  nsPerUpdate,
  bareNsPerUpdate,
  nsPerUpdateDuringSnapshot: snapshots.map(({ updateNs }) => updateNs),
  snapshotMs: snapshots.map(({ snapshotMs }) => snapshotMs),
  longestSliceMs: snapshots.map(({ longestSliceMs }) => longestSliceMs),
  restoreMs,
  streamBytesPerUnit: (snapshots[0]?.bytes ?? 0) / units,
  heapBytesPerUnit,
};
process.stdout.write(`${JSON.stringify(result)}\n`);
