/**
 * Fills the heap backend from stored streams, of one or of several old subtasks: only the blocks of own key groups are read.
 * It goes in slices, so that the other tasks of the thread go on.
 *
 * A state with values that this program cannot read (it no longer has the class) is left as it is stored: it goes into the
 * next snapshot unread, and asking for it is an error.
 */
import { ExternalError, UserError } from '../../shared/errors.ts';
import type { KeyGroupRange } from '../../types/key-groups.ts';
import { keyIdentity } from '../../types/key-hash.ts';
import type { TypeInfo } from '../../types/type-info.ts';
import { readValue } from '../../types/value-codec.ts';
import type { KeyedStateHandle } from '../snapshot/handles.ts';
import type { SectionKind } from '../snapshot/keyed-stream-format.ts';
import { BlockReader, readKeyedStream, type StoredBlock, undamaged } from '../snapshot/keyed-stream-reader.ts';
import { GrowingMap } from './growing-map.ts';
import type { KeyTable } from './key-table.ts';
import { MapStateEntry, type RegisteredState, type StateEntry, type StateKind } from './state-entry.ts';
import type { TimerQueue } from './timer-queue.ts';

/** How long the thread is held before others may go on. */
const sliceMs = 2;

type TimersKind = TimerQueue['kind'];

export interface HeapRestoreOptions {
  readonly operatorName: string;
  readonly keyGroups: KeyGroupRange;
  readonly table: KeyTable;
  stateOf(name: string, kind: StateKind, type: TypeInfo | undefined, keyType: TypeInfo | undefined): RegisteredState;
  timersOf(serviceName: string, kind: TimersKind): TimerQueue;
}

export class HeapRestore {
  readonly #options: HeapRestoreOptions;
  /** All blocks of each state: kept until it is clear that they can be read. */
  readonly #blocks = new Map<RegisteredState, StoredBlock[]>();
  readonly #unreadable = new Map<RegisteredState, UserError>();
  readonly #restored = new Set<string>();

  constructor(options: HeapRestoreOptions) {
    this.#options = options;
  }

  async run(handles: readonly KeyedStateHandle[], read: (handle: KeyedStateHandle) => Promise<Uint8Array>): Promise<void> {
    const { start, end } = this.#options.keyGroups;
    for (const handle of handles) {
      if (handle.keyGroups.end < start || handle.keyGroups.start > end) continue;
      const bytes = await read(handle);
      try {
        await this.#readStream(bytes);
      } catch (error) {
        throw located(error, this.#options.operatorName, handle);
      }
    }
    this.#options.table.clearCurrentKey();
    this.#keepUnreadable();
  }

  /** Blocks of states that stay as they were stored. */
  *unreadBlocks(): Generator<StoredBlock> {
    for (const blocks of this.#blocks.values()) yield* blocks;
  }

  hasRestored(stateName: string): boolean {
    return this.#restored.has(stateName);
  }

  /** Throws why a state that the program asks for could not be read. */
  refuseUnreadable(state: RegisteredState): void {
    const reason = this.#unreadable.get(state);
    if (!reason) return;
    throw new UserError(reason.code, {
      ...reason.facts,
      problem: `Operator '${this.#options.operatorName}': the restored state '${state.name}' cannot be read. ${reason.facts.problem}`,
    });
  }

  /** Copies: a block is a part of its whole stream. */
  #keepUnreadable(): void {
    for (const [state, blocks] of [...this.#blocks]) {
      if (!this.#unreadable.has(state)) this.#blocks.delete(state);
      else
        this.#blocks.set(
          state,
          blocks.map((block) => ({ ...block, bytes: new Uint8Array(block.bytes) })),
        );
    }
  }

  async #readStream(bytes: Uint8Array): Promise<void> {
    const { start, end } = this.#options.keyGroups;
    let sliceEnd = performance.now() + sliceMs;
    for (const block of readKeyedStream(bytes).blocks()) {
      if (block.keyGroup < start || block.keyGroup > end) continue;
      this.#readBlock(block);
      if (performance.now() < sliceEnd) continue;
      await new Promise(setImmediate);
      sliceEnd = performance.now() + sliceMs;
    }
  }

  #readBlock(block: StoredBlock): void {
    const { kind, name, type, keyType } = block.section;
    if (isTimers(kind)) {
      undamaged(() => readTimers(block, this.#options.timersOf(name, kind)));
      return;
    }
    const state = this.#options.stateOf(name, kind, type, keyType);
    this.#restored.add(name);
    const blocks = this.#blocks.get(state);
    if (blocks) blocks.push(block);
    else this.#blocks.set(state, [block]);
    if (this.#unreadable.has(state)) return;
    try {
      undamaged(() => readEntries(block, state, this.#options.table));
    } catch (error) {
      if (!(error instanceof UserError) || error.code !== 'UNKNOWN_CLASS') throw error;
      this.#unreadable.set(state, error);
      state.isUnreadable = true;
    }
  }
}

function readTimers(block: StoredBlock, queue: TimerQueue): void {
  const entries = new BlockReader(block);
  while (entries.next()) queue.add(entries.reader.float64(), entries.key, entries.namespace);
}

function readEntries(block: StoredBlock, state: RegisteredState, table: KeyTable): void {
  const entries = new BlockReader(block);
  const { reader } = entries;
  let entry: StateEntry | undefined;
  while (entries.next()) {
    if (!entries.isSame) entry = undefined;
    switch (state.kind) {
      case 'list':
        entry ??= known(entries, state, table) ?? table.insertRestored(entries.key, state, entries.namespace, []);
        for (let count = reader.varint(); count > 0; count--) (entry.value as unknown[]).push(readValue(reader));
        break;
      case 'map': {
        entry ??= known(entries, state, table) ?? table.insertRestored(entries.key, state, entries.namespace, new GrowingMap());
        const key = readValue(reader);
        (entry.value as GrowingMap<MapStateEntry>).set(keyIdentity(key), new MapStateEntry(key, readValue(reader), 0));
        break;
      }
      default:
        table.insertRestored(entries.key, state, entries.namespace, readValue(reader));
    }
  }
}

/** An earlier part of the same list or map. */
function known({ key, namespace }: BlockReader, state: RegisteredState, table: KeyTable): StateEntry | undefined {
  table.setCurrentKey(key);
  return table.find(state, namespace === undefined ? undefined : keyIdentity(namespace));
}

function isTimers(kind: SectionKind): kind is TimersKind {
  return kind === 'event-time-timers' || kind === 'processing-time-timers';
}

function located(error: unknown, operatorName: string, handle: KeyedStateHandle): unknown {
  if (!(error instanceof ExternalError)) return error;
  const { stream } = handle;
  const where = stream.kind === 'bytes' ? 'in the checkpoint metadata' : `in ${stream.kind === 'file' ? stream.path : stream.name}`;
  return new ExternalError(error.code, {
    problem: `Operator '${operatorName}': its keyed state ${where} cannot be restored.`,
    found: error.message,
    cause: error,
    retriable: error.retriable,
  });
}
