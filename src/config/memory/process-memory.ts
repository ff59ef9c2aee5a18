/**
 * Flink's memory components on V8: the main isolate gets the framework heap, each slot's thread an equal part of the task
 * heap as its own hard limit. V8 keeps code and maps in the heap, so Flink's metaspace share, less what a Node process
 * takes anyway, is added to the slots.
 */
import { UserError } from '../../shared/errors.ts';
import type { Configuration } from '../configuration.ts';
import { humanMemorySize } from '../values.ts';
import { deriveJobManagerMemory, type JobManagerMemory, jobManagerMemoryWarnings } from './job-manager-memory.ts';
import { deriveTaskManagerMemory, type TaskManagerMemory } from './task-manager-memory.ts';

const mebibyte = 2 ** 20;
/** Resident before any heap is used: the process, and each worker thread (measured on Node 24). */
const processBaselineMb = 45;
const workerBaselineMb = 13;
const smallestSlotOldGenerationMb = 16;
/** A growing map doubles its table while the old one is still there; the largest table that V8 makes has some 470 MB. */
const growthFactor = 1.6;
const mostGrowthMb = 704;

/** What bounds the heap of a slot's worker thread. */
export interface SlotLimits {
  /** Objects that stay may take this much; the slot and the TaskManager watch over it. */
  readonly heapBytes: number;
  /**
   * V8's own limits. They lie higher, because V8 aborts the whole process when one large allocation meets its limit, and a
   * map or an array that grows needs its old and its new table at once.
   */
  readonly resourceLimits: ThreadLimits;
}

/** `resourceLimits` of a worker thread. */
export interface ThreadLimits {
  readonly maxOldGenerationSizeMb: number;
  readonly maxYoungGenerationSizeMb: number;
  readonly codeRangeSizeMb: number;
  readonly stackSizeMb: number;
}

/** V8's limits of a thread whose objects may take `oldMb`, as far as somebody watches over that. */
export function watchedThreadLimits(oldMb: number, youngMb: number): ThreadLimits {
  return {
    maxOldGenerationSizeMb: oldMb + Math.min(Math.ceil(oldMb * growthFactor), mostGrowthMb),
    maxYoungGenerationSizeMb: youngMb,
    codeRangeSizeMb: 16,
    stackSizeMb: 4,
  };
}

export interface TaskManagerProcess {
  readonly memory: TaskManagerMemory;
  /** V8 flags of the main isolate. */
  readonly nodeFlags: readonly string[];
  readonly slots: number;
  readonly slotLimits: SlotLimits;
  readonly managedBytesPerSlot: number;
  /** Handed to the process so that it never derives again. */
  readonly dynamicProperties: Readonly<Record<string, string>>;
  readonly warnings: readonly string[];
}

export function deriveTaskManagerProcess(config: Configuration): TaskManagerProcess {
  const memory = deriveTaskManagerMemory(config);
  const slots = config.get('taskmanager.numberOfTaskSlots');
  if (slots < 1)
    throw new UserError('BAD_SLOT_COUNT', {
      problem: `taskmanager.numberOfTaskSlots is ${slots}.`,
      tryNext: ['taskmanager.numberOfTaskSlots: 1'],
    });
  const spareMb = Math.max(0, Math.floor(memory.metaspace / mebibyte) - processBaselineMb - workerBaselineMb * slots);
  const slotHeapMb = Math.floor((memory.taskHeap / mebibyte + spareMb) / slots);
  const youngMb = Math.max(4, Math.min(48, Math.floor(slotHeapMb / 8)));
  const oldMb = slotHeapMb - Math.ceil(1.5 * youngMb);
  if (oldMb < smallestSlotOldGenerationMb) throw tooLittlePerSlot(memory, slots, spareMb, slotHeapMb, oldMb);
  return {
    memory,
    nodeFlags: isolateFlags(memory.frameworkHeap),
    slots,
    slotLimits: { heapBytes: oldMb * mebibyte, resourceLimits: watchedThreadLimits(oldMb, youngMb) },
    managedBytesPerSlot: Math.floor(memory.managed / slots),
    dynamicProperties: {
      'taskmanager.memory.framework.heap.size': `${memory.frameworkHeap}b`,
      'taskmanager.memory.framework.off-heap.size': `${memory.frameworkOffHeap}b`,
      'taskmanager.memory.task.heap.size': `${memory.taskHeap}b`,
      'taskmanager.memory.task.off-heap.size': `${memory.taskOffHeap}b`,
      'taskmanager.memory.network.min': `${memory.network}b`,
      'taskmanager.memory.network.max': `${memory.network}b`,
      'taskmanager.memory.managed.size': `${memory.managed}b`,
    },
    warnings: [],
  };
}

export function deriveJobManagerProcess(config: Configuration): {
  readonly memory: JobManagerMemory;
  readonly nodeFlags: readonly string[];
  readonly dynamicProperties: Readonly<Record<string, string>>;
  readonly warnings: readonly string[];
} {
  const memory = deriveJobManagerMemory(config);
  return {
    memory,
    nodeFlags: isolateFlags(memory.heap),
    dynamicProperties: { 'jobmanager.memory.heap.size': `${memory.heap}b`, 'jobmanager.memory.off-heap.size': `${memory.offHeap}b` },
    warnings: jobManagerMemoryWarnings(memory, config),
  };
}

function isolateFlags(heapBytes: number): string[] {
  const heapMb = Math.floor(heapBytes / mebibyte);
  const semiMb = Math.max(1, Math.min(16, Math.floor(heapMb / 16)));
  return [`--max-semi-space-size=${semiMb}`, `--max-old-space-size=${Math.max(16, heapMb - 3 * semiMb)}`];
}

function tooLittlePerSlot(memory: TaskManagerMemory, slots: number, spareMb: number, slotHeapMb: number, oldMb: number): UserError {
  return new UserError('SLOT_HEAP_TOO_SMALL', {
    problem: `The TaskManager's memory leaves too little for each of its ${slots} slot${slots === 1 ? '' : 's'}.`,
    found: [
      `process ${humanMemorySize(memory.process)}`,
      `  - overhead ${humanMemorySize(memory.overhead)} - metaspace ${humanMemorySize(memory.metaspace)} = flink ${humanMemorySize(memory.flink)}`,
      `  - managed ${humanMemorySize(memory.managed)} - network ${humanMemorySize(memory.network)}`,
      `  - framework heap ${humanMemorySize(memory.frameworkHeap)} - framework off-heap ${humanMemorySize(memory.frameworkOffHeap)} - task off-heap ${humanMemorySize(memory.taskOffHeap)}`,
      `  = task heap ${humanMemorySize(memory.taskHeap)}, plus ${spareMb} mb of the metaspace share that Node leaves free`,
      `  / ${slots} = ${slotHeapMb} mb a slot, of which ${Math.max(0, oldMb)} mb hold objects; at least ${smallestSlotOldGenerationMb} are needed`,
    ].join('\n'),
    tryNext: [
      'Raise taskmanager.memory.process.size.',
      'Lower taskmanager.numberOfTaskSlots.',
      'Lower taskmanager.memory.managed.fraction (state on the heap does not use managed memory).',
    ],
  });
}
