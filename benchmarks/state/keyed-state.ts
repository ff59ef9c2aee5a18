/**
 * The heap backend alone, in a process of its own: `node keyed-state.ts <shape> <units>`. Prints one line of JSON.
 *
 * Shapes: `number` and `string` (that many keys with a record each), `map` (one key with a map of that many entries), `timers`
 * (that many keys with a timer each). The load reads and updates random units; beside it a snapshot is written to memory in
 * slices of a millisecond, as a slot does it.
 */

import type { MapState, ValueState } from '../../src/api/state.ts';
import { HeapKeyedStateBackend } from '../../src/state/keyed/heap-keyed-state-backend.ts';
import type { StreamHandle } from '../../src/state/snapshot/handles.ts';
import type { CheckpointOutputStream } from '../../src/state/storage/checkpoint-streams.ts';

export interface KeyedStateResult {
  /** The same load on a plain Map. */
  readonly bareNsPerUpdate: number;
  readonly nsPerUpdate: number;
  readonly nsPerUpdateDuringSnapshot: number;
  readonly updatesDuringSnapshot: number;
  /** CPU of this thread that the walk took, all slices together. */
  readonly walkCpuMs: number;
  readonly longestSliceCpuMs: number;
  readonly longestSliceMs: number;
  readonly streamBytes: number;
  readonly restoreMs: number;
  readonly bytesPerUnit: number;
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

function nsPer(times: number, run: () => void): number {
  const begun = threadCpuMs();
  run();
  return ((threadCpuMs() - begun) * 1e6) / times;
}

const threadCpuMs = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};

const load = new Load();
const heapBefore = process.memoryUsage().heapUsed;
load.fill();
globalThis.gc?.();
const bytesPerUnit = (process.memoryUsage().heapUsed - heapBefore) / units;

const times = 5_000_000;
load.update(1_000_000);
const nsPerUpdate = nsPer(times, () => load.update(times));

const output = new MemoryStream();
const snapshot = load.backend.snapshot(1, output);
let walkCpuMs = 0;
let longestSliceCpuMs = 0;
let longestSliceMs = 0;
let updatesDuringSnapshot = 0;
let updateMs = 0;
for (let goesOn = true; goesOn; ) {
  const wall = performance.now();
  const cpu = threadCpuMs();
  goesOn = snapshot.advance(wall + 1);
  const took = threadCpuMs() - cpu;
  const sliceEnd = performance.now();
  walkCpuMs += took;
  longestSliceCpuMs = Math.max(longestSliceCpuMs, took);
  longestSliceMs = Math.max(longestSliceMs, sliceEnd - wall);
  const updatesBegun = threadCpuMs();
  load.update(2000);
  updatesDuringSnapshot += 2000;
  updateMs += threadCpuMs() - updatesBegun;
}
await snapshot.result;

const stream = Buffer.concat(output.pieces);
const restored = new HeapKeyedStateBackend(options);
const begun = threadCpuMs();
const handle = { kind: 'keyed', keyGroups: options.keyGroups, stream: { kind: 'bytes', bytes: stream, checksum: 0 } } as const;
await restored.restore([handle], async () => stream);
const restoreMs = threadCpuMs() - begun;

const bare = load.bareMap();
load.updateBare(bare, 1_000_000);
const bareNsPerUpdate = nsPer(times, () => load.updateBare(bare, times));

const result: KeyedStateResult = {
  bareNsPerUpdate,
  nsPerUpdate,
  nsPerUpdateDuringSnapshot: (updateMs * 1e6) / updatesDuringSnapshot,
  updatesDuringSnapshot,
  walkCpuMs,
  longestSliceCpuMs,
  longestSliceMs,
  streamBytes: stream.length,
  restoreMs,
  bytesPerUnit,
};
process.stdout.write(`${JSON.stringify(result)}\n`);
