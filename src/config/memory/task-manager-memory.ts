/** How a TaskManager's memory is divided (Flink's model, byte for byte): from fine-grained parts, flink.size or process.size. */
import type { Configuration } from '../configuration.ts';
import { humanMemorySize } from '../values.ts';
import { fromFraction, fromInverse, legacyHeap, type MemoryRange, memoryError, readRange, share } from './memory-range.ts';

export interface TaskManagerMemory {
  readonly process: number;
  readonly flink: number;
  readonly frameworkHeap: number;
  readonly taskHeap: number;
  readonly frameworkOffHeap: number;
  readonly taskOffHeap: number;
  readonly network: number;
  readonly managed: number;
  readonly metaspace: number;
  readonly overhead: number;
}

interface Inputs {
  readonly config: Configuration;
  readonly frameworkHeap: number;
  readonly frameworkOffHeap: number;
  readonly taskOffHeap: number;
  readonly metaspace: number;
  readonly taskHeap: number | undefined;
  readonly managed: number | undefined;
  readonly networkRange: MemoryRange;
  readonly overheadRange: MemoryRange;
}

/** Throws UserError('MEMORY_E…') with the whole arithmetic. */
export function deriveTaskManagerMemory(config: Configuration): TaskManagerMemory {
  const inputs: Inputs = {
    config,
    frameworkHeap: config.get('taskmanager.memory.framework.heap.size'),
    frameworkOffHeap: config.get('taskmanager.memory.framework.off-heap.size'),
    taskOffHeap: config.get('taskmanager.memory.task.off-heap.size'),
    metaspace: config.get('taskmanager.memory.jvm-metaspace.size'),
    taskHeap: config.getOptional('taskmanager.memory.task.heap.size'),
    managed: config.getOptional('taskmanager.memory.managed.size'),
    networkRange: readRange(config, 'taskmanager.memory.network', 'network memory'),
    overheadRange: readRange(config, 'taskmanager.memory.jvm-overhead', 'JVM overhead'),
  };
  checkSegmentSize(config);
  const flinkSize = config.getOptional('taskmanager.memory.flink.size') ?? legacyHeap(config, 'taskmanager');
  const processSize = config.getOptional('taskmanager.memory.process.size');
  if (inputs.taskHeap !== undefined && inputs.managed !== undefined) return fromParts(inputs, flinkSize, processSize);
  if (flinkSize !== undefined) return fromFlink(inputs, inner(inputs, flinkSize), processSize);
  if (processSize !== undefined) return fromProcess(inputs, processSize);
  throw memoryError('E1', 'Neither the task heap and managed sizes, nor the flink size, nor the process size of the TaskManager is set.', [
    'taskmanager.memory.process.size: 1728m',
    'taskmanager.memory.flink.size: 1280m',
    'taskmanager.memory.task.heap.size and taskmanager.memory.managed.size together',
  ]);
}

type FlinkParts = Omit<TaskManagerMemory, 'process' | 'metaspace' | 'overhead'>;

function fromParts(inputs: Inputs, flinkSize: number | undefined, processSize: number | undefined): TaskManagerMemory {
  const taskHeap = inputs.taskHeap as number;
  const managed = inputs.managed as number;
  const sum = inputs.frameworkHeap + inputs.frameworkOffHeap + inputs.taskOffHeap + taskHeap + managed;
  let network: number;
  if (flinkSize !== undefined) {
    if (sum > flinkSize) throw partsExceed(inputs, flinkSize, taskHeap, managed, 0);
    network = checkNetwork(flinkSize - sum, inputs);
  } else {
    network = legacyNetwork(inputs.config) ?? fromInverse(sum, inputs.networkRange);
  }
  return fromFlink(inputs, flinkParts(inputs, sum + network, taskHeap, managed, network), processSize);
}

/** Divides a known flink.size. */
function inner(inputs: Inputs, flink: number): FlinkParts {
  const managed = inputs.managed ?? share(flink, inputs.config.get('taskmanager.memory.managed.fraction'));
  const fixed = inputs.frameworkHeap + inputs.frameworkOffHeap + inputs.taskOffHeap + managed;
  if (inputs.taskHeap !== undefined) {
    const network = flink - fixed - inputs.taskHeap;
    if (network < 0) throw partsExceed(inputs, flink, inputs.taskHeap, managed, 0);
    return flinkParts(inputs, flink, inputs.taskHeap, managed, checkNetwork(network, inputs));
  }
  const network = legacyNetwork(inputs.config) ?? fromFraction(flink, inputs.networkRange);
  const taskHeap = flink - fixed - network;
  if (taskHeap < 0) throw partsExceed(inputs, flink, undefined, managed, network);
  return flinkParts(inputs, flink, taskHeap, managed, network);
}

function flinkParts(inputs: Inputs, flink: number, taskHeap: number, managed: number, network: number): FlinkParts {
  const { frameworkHeap, frameworkOffHeap, taskOffHeap } = inputs;
  return { flink, frameworkHeap, taskHeap, frameworkOffHeap, taskOffHeap, network, managed };
}

function fromFlink(inputs: Inputs, parts: FlinkParts, processSize: number | undefined): TaskManagerMemory {
  const { metaspace, overheadRange } = inputs;
  if (processSize === undefined) {
    const overhead = fromInverse(parts.flink + metaspace, overheadRange);
    return { ...parts, metaspace, overhead, process: parts.flink + metaspace + overhead };
  }
  const overhead = processSize - parts.flink - metaspace;
  if (overhead < 0) {
    throw memoryError(
      'E6',
      `taskmanager.memory.process.size is ${humanMemorySize(processSize)}, less than flink memory ${humanMemorySize(parts.flink)} plus metaspace ${humanMemorySize(metaspace)}.`,
    );
  }
  return { ...parts, metaspace, overhead: checkOverhead(overhead, overheadRange, 'taskmanager'), process: processSize };
}

function fromProcess(inputs: Inputs, process: number): TaskManagerMemory {
  const { metaspace } = inputs;
  const overhead = fromFraction(process, inputs.overheadRange);
  const flink = process - metaspace - overhead;
  if (flink < 0) {
    throw memoryError(
      'E2',
      `JVM metaspace ${humanMemorySize(metaspace)} and JVM overhead ${humanMemorySize(overhead)} exceed taskmanager.memory.process.size ${humanMemorySize(process)}.`,
    );
  }
  return { ...inner(inputs, flink), metaspace, overhead, process };
}

function checkNetwork(network: number, { config, networkRange: range }: Inputs): number {
  const legacy = legacyNetwork(config);
  if (legacy !== undefined) {
    if (legacy === network) return network;
    throw memoryError(
      'E14',
      `taskmanager.network.numberOfBuffers asks for ${humanMemorySize(legacy)} of network memory, and ${humanMemorySize(network)} are what remains of flink.size.`,
      ['Take taskmanager.network.numberOfBuffers out, or one of the sizes that leave another remainder.'],
    );
  }
  if (network >= range.min && network <= range.max) return network;
  throw memoryError(
    'E4',
    `Network memory is what remains of flink.size: ${humanMemorySize(network)}, outside [${humanMemorySize(range.min)}, ${humanMemorySize(range.max)}].`,
    ['Change taskmanager.memory.network.min or .max, or the sizes beside it.'],
  );
}

export function checkOverhead(overhead: number, range: MemoryRange, role: 'taskmanager' | 'jobmanager'): number {
  if (overhead >= range.min && overhead <= range.max) return overhead;
  throw memoryError(
    'E5',
    `JVM overhead is what remains of the process size: ${humanMemorySize(overhead)}, outside [${humanMemorySize(range.min)}, ${humanMemorySize(range.max)}].`,
    [`Set only one of ${role}.memory.process.size and ${role}.memory.flink.size, or change ${role}.memory.jvm-overhead.min and .max.`],
  );
}

function partsExceed(inputs: Inputs, flink: number, taskHeap: number | undefined, managed: number, network: number): Error {
  const parts: [string, number][] = [
    ['taskmanager.memory.framework.heap.size', inputs.frameworkHeap],
    ['taskmanager.memory.framework.off-heap.size', inputs.frameworkOffHeap],
    ['taskmanager.memory.task.off-heap.size', inputs.taskOffHeap],
    ['taskmanager.memory.managed.size', managed],
  ];
  if (taskHeap !== undefined) parts.push(['taskmanager.memory.task.heap.size', taskHeap]);
  else parts.push(['taskmanager.memory.network', network]);
  const sum = parts.reduce((total, [, size]) => total + size, 0);
  const lines = parts.map(([name, size]) => `  ${name}: ${humanMemorySize(size)}`).join('\n');
  return memoryError('E3', `The parts add up to ${humanMemorySize(sum)}, more than flink memory ${humanMemorySize(flink)}:\n${lines}`, [
    `Raise taskmanager.memory.process.size by at least ${humanMemorySize(sum - flink)}, or lower one of the parts.`,
  ]);
}

/** An old count of buffers stands in for the range when none of its keys is set. */
function legacyNetwork(config: Configuration): number | undefined {
  const count = config.getText('taskmanager.network.numberOfBuffers');
  const ranged = ['min', 'max', 'fraction'].some((suffix) => config.has(`taskmanager.memory.network.${suffix}`));
  return count === undefined || ranged ? undefined : Number(count) * config.get('taskmanager.memory.segment-size');
}

function checkSegmentSize(config: Configuration): void {
  const size = config.get('taskmanager.memory.segment-size');
  if (size < 4096 || (size & (size - 1)) !== 0) {
    throw memoryError('E13', `taskmanager.memory.segment-size is ${size} bytes; it must be a power of two and at least 4096.`, [
      'taskmanager.memory.segment-size: 32kb',
    ]);
  }
}
