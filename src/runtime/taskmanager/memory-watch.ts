/**
 * Watches a TaskManager's memory from its main thread, for what a slot cannot watch itself: the heap of a thread whose user
 * code does not return, and the resident memory of the whole process, which counts buffers outside every heap.
 *
 * Keeps true: a process that would outgrow `taskmanager.memory.process.size`, and be killed by its container, ends the slot
 * that takes most of what it has no right to instead. A slot within its share is never ended.
 */
import { type SerializedError, serializeError, UserError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/logger.ts';
import { heapLookMs, type ThreadMemory } from '../../shared/thread-heap.ts';
import { within } from '../../shared/time.ts';
import { slotOutOfMemory } from '../task/heap-watch.ts';

/** What is watched of a slot. */
export interface WatchedSlot {
  readonly index: number;
  readonly taskNames: readonly string[];
  readonly thread: { memory(): Promise<ThreadMemory | undefined> };
  kill(cause: SerializedError): Promise<void>;
}

export interface MemoryWatchOptions {
  readonly slots: readonly WatchedSlot[];
  /** What the objects of one slot may take. */
  readonly slotHeapBytes: number;
  readonly processBytes: number;
  readonly log: Logger;
  /** Also logs what everything takes, so often. */
  readonly reportIntervalMs?: number | undefined;
  readonly residentBytes?: (() => number) | undefined;
}

const warnShare = 0.9;
/** V8 keeps the pages of an ended thread for eight seconds, for the next one. */
const looksAfterKill = 50;
const mebibyte = 2 ** 20;

export class MemoryWatch {
  readonly #options: MemoryWatchOptions;
  readonly #overfull = new WeakSet<object>();
  readonly #timers: NodeJS.Timeout[] = [];
  #warned = false;
  #looksToSkip = 0;

  constructor(options: MemoryWatchOptions) {
    this.#options = options;
  }

  start(): void {
    this.#every(heapLookMs, () => this.look());
    if (this.#options.reportIntervalMs !== undefined) this.#every(this.#options.reportIntervalMs, () => this.#report());
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }

  /** One look at everything. A thread that does not answer (it sits in a system call) takes no memory meanwhile. */
  async look(): Promise<void> {
    const busy = this.#options.slots.filter((slot) => slot.taskNames.length > 0);
    await Promise.all(busy.map((slot) => this.#lookAtHeap(slot)));
    await this.#lookAtProcess(busy);
  }

  async #lookAtHeap(slot: WatchedSlot): Promise<void> {
    const { slotHeapBytes } = this.#options;
    const { thread } = slot;
    const memory = await within(heapLookMs, thread.memory());
    const isFull = memory !== undefined && memory.heapBytes > slotHeapBytes;
    const wasFull = this.#overfull.delete(thread);
    if (!isFull || thread !== slot.thread) return;
    if (wasFull) await slot.kill(serializeError(slotOutOfMemory(memory.heapBytes, slotHeapBytes)));
    else this.#overfull.add(thread);
  }

  #every(ms: number, work: () => Promise<void>): void {
    let working = false;
    const timer = setInterval(() => {
      if (working) return;
      working = true;
      void work().finally(() => {
        working = false;
      });
    }, ms);
    timer.unref();
    this.#timers.push(timer);
  }

  async #report(): Promise<void> {
    const { slots, log } = this.#options;
    const { rss, heapUsed, external } = process.memoryUsage();
    const main = `resident ${megabytes(rss)} MB; main thread: ${megabytes(heapUsed)} MB of objects and ${megabytes(external)} MB of buffers`;
    log.info(`Memory usage: ${[main, ...(await sizesOf(slots)).map(describe)].join('; ')}.`);
  }

  async #lookAtProcess(busy: readonly WatchedSlot[]): Promise<void> {
    const { processBytes, slotHeapBytes, log, residentBytes = () => process.memoryUsage.rss() } = this.#options;
    const resident = residentBytes();
    if (resident < processBytes * warnShare) {
      this.#warned = false;
      return;
    }
    if (resident < processBytes ? this.#warned : this.#looksToSkip-- > 0) return;
    const sizes = await sizesOf(busy);
    if (!this.#warned) {
      this.#warned = true;
      log.warn(
        `The process takes ${megabytes(resident)} of its ${megabytes(processBytes)} MB (taskmanager.memory.process.size): ${sizes.map(describe).join('; ')}.`,
      );
    }
    if (resident < processBytes) return;
    const largest = sizes.filter(({ memory }) => total(memory) > slotHeapBytes).sort((a, b) => total(b.memory) - total(a.memory))[0];
    if (!largest) return;
    log.error(
      `The process takes ${megabytes(resident)} of its ${megabytes(processBytes)} MB; slot ${largest.slot.index}, which takes most, is ended.`,
    );
    this.#looksToSkip = looksAfterKill;
    await largest.slot.kill(serializeError(processFull(resident, processBytes, largest.memory)));
  }
}

interface SlotSize {
  readonly slot: WatchedSlot;
  readonly memory: ThreadMemory;
}

async function sizesOf(slots: readonly WatchedSlot[]): Promise<SlotSize[]> {
  return Promise.all(
    slots.map(async (slot) => ({ slot, memory: (await within(heapLookMs, slot.thread.memory())) ?? { heapBytes: 0, externalBytes: 0 } })),
  );
}

function processFull(resident: number, limit: number, memory: ThreadMemory): UserError {
  return new UserError('PROCESS_OUT_OF_MEMORY', {
    problem: `The TaskManager takes ${megabytes(resident)} MB, and taskmanager.memory.process.size allows ${megabytes(limit)} MB. This slot takes most, so it was ended.`,
    found: `It holds ${megabytes(memory.heapBytes)} MB of objects, and ${megabytes(memory.externalBytes)} MB of buffers outside the heap (Buffer, typed arrays, native add-ons).`,
    tryNext: [
      'Keep fewer buffers, or copy what is kept out of large ones.',
      'Raise taskmanager.memory.process.size, and taskmanager.memory.task.off-heap.size with it.',
    ],
  });
}

function describe({ slot, memory }: SlotSize): string {
  const tasks = slot.taskNames.length > 0 ? ` (${slot.taskNames.join(', ')})` : '';
  return `slot ${slot.index}: ${megabytes(memory.heapBytes)} MB of objects and ${megabytes(memory.externalBytes)} MB of buffers${tasks}`;
}

function total(memory: ThreadMemory): number {
  return memory.heapBytes + memory.externalBytes;
}

function megabytes(bytes: number): number {
  return Math.round(bytes / mebibyte);
}
