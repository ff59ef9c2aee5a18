/**
 * One end of a channel on a thread of its own, for threads.test.ts: works while it can, and then sleeps on the slot's
 * doorbell and on nothing else, so that a wake-up that is lost is a test that never ends.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { Configuration } from '../../../src/config/configuration.ts';
import { createSlotNetwork } from '../../../src/runtime/network/create-slot-network.ts';
import type { SlotMemory } from '../../../src/runtime/network/memory/segments.ts';
import type { TaskLocation } from '../../../src/runtime/rpc/gateways.ts';
import type { SharedChannels } from '../../../src/runtime/task/task-host.ts';
import { codecs } from '../../../src/types/codecs.ts';

export interface EndData {
  readonly role: 'producer' | 'consumer';
  readonly location: Omit<TaskLocation, 'dataPort'>;
  readonly memory: SlotMemory;
  readonly channels: SharedChannels;
  readonly frames: number;
  readonly seed: number;
  /** One of so many turns is followed by idling; 0: never. */
  readonly idleEvery: number;
}

const data = workerData as EndData;
const port = parentPort as NonNullable<typeof parentPort>;
const network = await createSlotNetwork({
  config: Configuration.of({}),
  codecs,
  location: data.location,
  memory: data.memory,
  bindHost: '127.0.0.1',
});
port.postMessage(network.location);
const peer = await new Promise<TaskLocation>((resolve) => port.once('message', resolve));
// Keeps the thread alive while it sleeps.
port.ref();
port.on('message', () => {});

let state = data.seed;
const random = (below: number): number => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
};
const dawdle = (): void => {
  if (data.idleEvery === 0 || random(data.idleEvery) > 0) return;
  for (let i = random(20_000); i > 0; i--) Math.sqrt(i);
};
const onError = (error: Error): void => {
  throw error;
};

let woken: (() => void) | undefined;
const wake = (): void => woken?.();
/** Rings and connections wake: the former through the doorbell, the latter through a callback. */
let sleeping: Promise<void> | undefined;
const sleep = async (): Promise<void> => {
  const callback = new Promise<void>((resolve) => {
    woken = resolve;
  });
  sleeping ??= network.sleep().then(() => {
    sleeping = undefined;
  });
  await Promise.race([sleeping, callback]);
};
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

if (data.role === 'producer') await produce();
else await consume();
await network.close();
process.exit(0);

async function produce(): Promise<void> {
  const partition = network.createResultPartition({
    descriptor: { edgeId: 'e', subpartitions: [{ consumerAttemptId: 'c', consumer: peer, consumerSubtask: 0 }] },
    producerAttemptId: 'p',
    operatorName: 'producer',
    bufferTimeoutMs: -1,
    objectReuse: false,
    channels: data.channels,
    onUnavailable: () => {},
    onAvailable: wake,
    onError,
  });
  for (let frame = 0; frame <= data.frames; ) {
    network.poll();
    if (!partition.isAvailable) {
      await sleep();
      continue;
    }
    if (frame === data.frames) partition.broadcastEvent({ kind: 'end-of-partition' });
    else {
      partition.emit({ frame, filling: 'x'.repeat(random(random(10) === 0 ? 9000 : 300)) }, 0, 0);
      partition.flush();
    }
    frame++;
    dawdle();
    if (random(8) === 0) await turn();
  }
  while (!partition.isAvailable) {
    network.poll();
    if (!partition.isAvailable) await sleep();
  }
  port.postMessage('sent');
  await new Promise((resolve) => port.once('message', resolve));
  partition.close();
}

async function consume(): Promise<void> {
  const gate = network.createInputGate({
    descriptors: [{ edgeId: 'e', inputIndex: 0, channels: [{ producerAttemptId: 'p', producer: peer, producerSubtask: 0 }] }],
    consumerAttemptId: 'c',
    operatorName: 'consumer',
    channels: data.channels,
    onData: wake,
    onError,
  });
  let expected = 0;
  while (!gate.isFinished) {
    network.poll();
    const polled = gate.poll();
    if (!polled) {
      await sleep();
      continue;
    }
    for (const value of polled.batch?.values ?? []) {
      const { frame } = value as { frame: number };
      if (frame !== expected++) throw new Error(`frame ${frame} came where ${expected - 1} was due`);
    }
    dawdle();
    if (random(8) === 0) await turn();
  }
  port.postMessage(expected);
  await new Promise((resolve) => port.once('message', resolve));
  gate.close();
}
