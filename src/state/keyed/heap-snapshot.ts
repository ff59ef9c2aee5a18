/**
 * One snapshot of the heap backend. Its walk goes over all units in slices; what the program touches before the walk reached
 * it is saved by {@link SnapshotsUnderWay}, before the touch. Either way each unit is written once.
 */
import { ExternalError, UserError } from '../../shared/errors.ts';
import { writeValue } from '../../types/value-codec.ts';
import type { KeyedStateHandle } from '../snapshot/handles.ts';
import type { StoredBlock } from '../snapshot/keyed-stream-reader.ts';
import { type KeyedStreamOptions, KeyedStreamWriter, type StreamSection } from '../snapshot/keyed-stream-writer.ts';
import type { CheckpointOutputStream } from '../storage/checkpoint-streams.ts';
import type { GrowingMap } from './growing-map.ts';
import type { KeyTable } from './key-table.ts';
import type { StateSnapshot } from './keyed-state-backend.ts';
import type { SnapshotsUnderWay } from './snapshots-under-way.ts';
import type { MapStateEntry, RegisteredState, StateEntry } from './state-entry.ts';
import type { Timer, TimerQueue } from './timer-queue.ts';

/** Units between two looks at the clock: some tens of microseconds. */
const unitsPerStep = 16;
/** Longer lists are walked in parts. */
const shortList = 64;

/** What is to be written. */
export interface SnapshotContents {
  readonly table: KeyTable;
  readonly timerQueues: Iterable<TimerQueue>;
  /** Stored blocks that this program cannot read, carried on as they are. */
  readonly unreadBlocks: Iterable<StoredBlock>;
}

export interface HeapSnapshotOptions extends KeyedStreamOptions {
  readonly version: number;
  readonly output: CheckpointOutputStream;
  readonly contents: SnapshotContents;
  readonly underWay: SnapshotsUnderWay;
}

export class HeapSnapshot implements StateSnapshot {
  readonly version: number;
  readonly result: Promise<KeyedStateHandle | undefined>;
  readonly #options: HeapSnapshotOptions;
  readonly #writer: KeyedStreamWriter;
  readonly #walk: Iterator<void>;
  readonly #stateSections = new Map<RegisteredState, StreamSection>();
  readonly #timerSections = new Map<TimerQueue, StreamSection>();
  /** Lists that grew, or are being written in parts: how long they were at the beginning, and how much is written. */
  readonly #lists = new Map<StateEntry, { readonly length: number; written: number }>();
  /** Maps that were dropped while they were still to be walked. */
  readonly #adopted: StateEntry[] = [];
  readonly #settle: { resolve(handle: Promise<KeyedStateHandle | undefined>): void; reject(error: unknown): void };
  #isOver = false;
  #isWaiting = false;

  constructor(options: HeapSnapshotOptions) {
    this.version = options.version;
    this.#options = options;
    this.#writer = new KeyedStreamWriter(options.output, options);
    this.#walk = this.#steps();
    const { promise, resolve, reject } = Promise.withResolvers<KeyedStateHandle | undefined>();
    this.result = promise;
    this.#settle = { resolve, reject };
    // Whoever waits for the result sees the failure; nobody has to.
    promise.catch(() => {});
  }

  advance(deadline: number): boolean {
    const { output } = this.#options;
    try {
      while (!this.#isOver && output.isReady) {
        if (this.#walk.next().done) {
          this.#end();
          this.#settle.resolve(this.#writer.close());
          return false;
        }
        if (performance.now() >= deadline) break;
      }
    } catch (error) {
      this.#fail(error);
    }
    if (!this.#isOver && !output.isReady) this.#watchOutput();
    return !this.#isOver;
  }

  abort(): void {
    this.#end();
    this.#settle.reject(new ExternalError('SNAPSHOT_ABORTED', { problem: 'The snapshot was aborted.', retriable: true }));
    void this.#options.output.abort();
  }

  /** A value, an accumulator, or what is still to be written of a list. Never throws: a failure is the snapshot's own. */
  saveEntry(entry: StateEntry): void {
    if (this.#isOver || entry.state.isUnreadable) return;
    try {
      if (entry.state.kind === 'list') this.#writeList(entry, Number.POSITIVE_INFINITY);
      else if (entry.state.keeps?.(entry.value) !== false) this.#writeUnit(entry, entry.value);
    } catch (error) {
      this.#fail(located(error, entry, this.#options.operatorName));
    }
  }

  saveMapEntry(entry: StateEntry, unit: MapStateEntry): void {
    if (this.#isOver || entry.state.isUnreadable || entry.state.keeps?.(unit.value) === false) return;
    try {
      const section = this.#sectionOf(entry.state);
      const writer = this.#writer.beginEntry(section, entry.key, entry.namespace);
      writeValue(writer, unit.key);
      writeValue(writer, unit.value);
      this.#writer.endEntry(section);
    } catch (error) {
      this.#fail(located(error, entry, this.#options.operatorName));
    }
  }

  saveTimer(queue: TimerQueue, timer: Timer): void {
    if (this.#isOver) return;
    try {
      let section = this.#timerSections.get(queue);
      if (!section) {
        section = this.#writer.section({ kind: queue.kind, name: queue.serviceName, type: undefined, keyType: undefined });
        this.#timerSections.set(queue, section);
      }
      this.#writer.beginEntry(section, timer.key, timer.namespace).float64(timer.timestamp);
      this.#writer.endEntry(section);
    } catch (error) {
      this.#fail(error);
    }
  }

  fixListLength(entry: StateEntry, length: number): void {
    if (!this.#lists.has(entry)) this.#lists.set(entry, { length, written: 0 });
  }

  /** True when all of the list is written. */
  saveListPart(entry: StateEntry, elements: number): boolean {
    if (this.#isOver || entry.state.isUnreadable) return true;
    try {
      return this.#writeList(entry, elements);
    } catch (error) {
      this.#fail(located(error, entry, this.#options.operatorName));
      return true;
    }
  }

  adopt(entry: StateEntry): void {
    this.#adopted.push(entry);
  }

  *#steps(): Generator<void> {
    const { contents } = this.#options;
    for (const queue of contents.timerQueues) yield* this.#walkTimers(queue);
    yield* this.#walkEntries();
    for (let entry = this.#adopted.pop(); entry !== undefined; entry = this.#adopted.pop()) yield* this.#walkMap(entry);
    yield* this.#copyBlocks();
    yield* this.#writer.flushAll();
  }

  *#walkTimers(queue: TimerQueue): Generator<void> {
    const timers = queue.cursor();
    let units = 0;
    for (let timer = timers.next(); timer !== undefined; timer = timers.next()) {
      if (timer.version < this.version) this.#options.underWay.saveTimer(queue, timer, this.version);
      if (++units % unitsPerStep === 0) yield;
    }
  }

  *#walkEntries(): Generator<void> {
    const { contents, underWay } = this.#options;
    const entries = contents.table.cursor();
    let units = 0;
    for (let entry = entries.next(); entry !== undefined; entry = entries.next()) {
      if (entry.version < this.version) {
        switch (entry.state.kind) {
          case 'map':
            yield* this.#walkMap(entry);
            break;
          case 'list':
            if ((entry.value as readonly unknown[]).length <= shortList) underWay.saveEntry(entry, this.version);
            else while (entry.version < this.version && !underWay.saveListPart(entry, this.version)) yield;
            break;
          default:
            underWay.saveEntry(entry, this.version);
        }
      }
      if (++units % unitsPerStep === 0) yield;
    }
  }

  *#walkMap(entry: StateEntry): Generator<void> {
    const { underWay } = this.#options;
    const cursor = (entry.value as GrowingMap<MapStateEntry>).cursor();
    let units = 0;
    for (let unit = cursor.next(); unit !== undefined; unit = cursor.next()) {
      if (unit.version < this.version) underWay.saveMapEntry(entry, unit, this.version);
      if (++units % unitsPerStep === 0) yield;
    }
    entry.version = Math.max(entry.version, this.version);
  }

  *#copyBlocks(): Generator<void> {
    const sections = new Map<StoredBlock['section'], StreamSection>();
    for (const block of this.#options.contents.unreadBlocks) {
      let section = sections.get(block.section);
      if (!section) {
        section = this.#writer.section(block.section);
        sections.set(block.section, section);
      }
      this.#writer.writeBlock(section, block.keyGroup, block.entries, block.bytes);
      yield;
    }
  }

  #writeUnit(entry: StateEntry, value: unknown): void {
    const section = this.#sectionOf(entry.state);
    writeValue(this.#writer.beginEntry(section, entry.key, entry.namespace), value);
    this.#writer.endEntry(section);
  }

  /** At most this many elements more; true when all are written. */
  #writeList(entry: StateEntry, elements: number): boolean {
    const list = entry.value as readonly unknown[];
    const progress = this.#lists.get(entry) ?? { length: list.length, written: 0 };
    const end = Math.min(progress.length, progress.written + elements);
    const { keeps } = entry.state;
    const kept = keeps ? list.slice(progress.written, end).filter(keeps) : list;
    let index = keeps ? 0 : progress.written;
    const keptEnd = keeps ? kept.length : end;
    if (keptEnd > index) {
      const section = this.#sectionOf(entry.state);
      const writer = this.#writer.beginEntry(section, entry.key, entry.namespace);
      writer.varint(keptEnd - index);
      for (; index < keptEnd; index++) writeValue(writer, kept[index]);
      this.#writer.endEntry(section);
    }
    progress.written = Math.max(progress.written, end);
    if (elements === Number.POSITIVE_INFINITY) this.#lists.delete(entry);
    else this.#lists.set(entry, progress);
    return end === progress.length;
  }

  #sectionOf(state: RegisteredState): StreamSection {
    let section = this.#stateSections.get(state);
    if (!section) {
      section = this.#writer.section(state);
      this.#stateSections.set(state, section);
    }
    return section;
  }

  #watchOutput(): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.#options.output
      .whenReady()
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#isWaiting = false;
      });
  }

  #fail(error: unknown): void {
    if (this.#isOver) return;
    this.#end();
    this.#settle.reject(error);
    void this.#options.output.abort();
  }

  #end(): void {
    this.#isOver = true;
    this.#options.underWay.end(this);
    this.#lists.clear();
    this.#adopted.length = 0;
  }
}

function located(error: unknown, entry: StateEntry, operatorName: string): unknown {
  if (!(error instanceof UserError) || error.code !== 'UNSUPPORTED_VALUE') return error;
  return new UserError(error.code, {
    ...error.facts,
    problem: `Operator '${operatorName}', state '${entry.state.name}': ${error.facts.problem}`,
  });
}
