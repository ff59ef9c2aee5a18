/** Channels between TaskManagers when an end goes away, comes early or late, or is a stranger. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { crc32 } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { Configuration } from '../../../src/config/configuration.ts';
import type { InputGate, ResultPartitionWriter } from '../../../src/runtime/network/channel.ts';
import { createSlotNetwork } from '../../../src/runtime/network/create-slot-network.ts';
import type { SlotNetwork } from '../../../src/runtime/network/slot-network.ts';
import { codecs } from '../../../src/types/codecs.ts';
import { waitFor } from '../../harness/real-cluster.ts';
import { channelsOf, wire } from './channel-memory.ts';

const open: SlotNetwork[] = [];
/** 4 KiB of credit. */
const wired = wire({ producers: ['p'], consumers: ['c'], buffers: { segmentBytes: 2048 } });
const nothingOpen = { gates: 0, partitions: 0, halfOpenChannels: 0, connections: 0 };

async function network(taskManagerId: string): Promise<SlotNetwork> {
  const made = await createSlotNetwork({
    config: Configuration.of({}),
    codecs,
    location: { taskManagerId, host: '127.0.0.1', slotIndex: 0 },
    memory: wired.slot,
    bindHost: '127.0.0.1',
  });
  open.push(made);
  return made;
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((made) => made.close()));
});

interface End {
  readonly errors: Error[];
}

function partitionOf(producer: SlotNetwork, consumer: SlotNetwork): ResultPartitionWriter & End {
  const errors: Error[] = [];
  const partition = producer.createResultPartition({
    descriptor: { edgeId: 'e', subpartitions: [{ consumerAttemptId: 'c', consumer: consumer.location, consumerSubtask: 0 }] },
    producerAttemptId: 'p',
    operatorName: 'producer',
    bufferTimeoutMs: -1,
    objectReuse: false,
    channels: channelsOf(wired, 'p'),
    onUnavailable: () => {},
    onAvailable: () => {},
    onError: (error) => errors.push(error),
  });
  return Object.assign(partition, { errors });
}

function gateOf(consumer: SlotNetwork, producer: SlotNetwork): InputGate & End {
  const errors: Error[] = [];
  const gate = consumer.createInputGate({
    descriptors: [{ edgeId: 'e', inputIndex: 0, channels: [{ producerAttemptId: 'p', producer: producer.location, producerSubtask: 0 }] }],
    consumerAttemptId: 'c',
    operatorName: 'consumer',
    channels: channelsOf(wired, 'c'),
    onData: () => {},
    onError: (error) => errors.push(error),
  });
  return Object.assign(gate, { errors });
}

test('a producer that dies in silence is not taken for one that has ended', async () => {
  const [producer, consumer] = [await network('a'), await network('b')];
  const partition = partitionOf(producer, consumer);
  const gate = gateOf(consumer, producer);
  partition.emit('one', 0, 0);
  partition.flush();
  await waitFor('the record', () => gate.hasData);
  expect(gate.poll()?.batch?.values).toEqual(['one']);
  partition.close();
  await waitFor('an error', () => gate.errors.length > 0);
  expect(gate.errors[0]).toMatchObject({ code: 'CHANNEL_LOST' });
  expect(gate.isFinished).toBe(false);
});

test('a producer hears of a consumer that went away', async () => {
  const [producer, consumer] = [await network('a'), await network('b')];
  const partition = partitionOf(producer, consumer);
  const gate = gateOf(consumer, producer);
  partition.emit('one', 0, 0);
  partition.flush();
  await waitFor('the record', () => gate.hasData);
  gate.close();
  await waitFor('an error', () => partition.errors.length > 0);
  expect(partition.errors[0]).toMatchObject({ code: 'CHANNEL_LOST' });
});

test('an end that is closed hears of no loss, and a consumer may hang up behind the end of the partition', async () => {
  const [producer, consumer] = [await network('a'), await network('b')];
  const partition = partitionOf(producer, consumer);
  const gate = gateOf(consumer, producer);
  partition.broadcastEvent({ kind: 'end-of-partition' });
  await waitFor('the end', () => {
    gate.poll();
    return gate.isFinished;
  });
  gate.close();
  await waitFor('the connection gone', () => producer.usage.connections === 0);
  // A loss would be reported by now: no patience is due where none was lost.
  partition.close();
  expect([...partition.errors, ...gate.errors]).toEqual([]);
  expect(producer.usage).toEqual(nothingOpen);
  expect(consumer.usage).toEqual(nothingOpen);
});

test('a consumer that comes long before its producer waits for it; one that leaves again is forgotten', async () => {
  const [producer, consumer] = [await network('a'), await network('b')];
  const impatient = gateOf(consumer, producer);
  await waitFor('the early connection', () => producer.usage.connections === 1);
  impatient.close();
  await waitFor('it is gone', () => producer.usage.connections === 0);
  const gate = gateOf(consumer, producer);
  await waitFor('the next early connection', () => producer.usage.connections === 1);
  const partition = partitionOf(producer, consumer);
  partition.emit('late', 0, 0);
  partition.flush();
  await waitFor('the record', () => gate.hasData);
  expect(gate.poll()?.batch?.values).toEqual(['late']);
});

/** As on the wire, with a checksum that fits. */
function hello(text: string): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(text.length, 0);
  head.writeUInt32LE(crc32(text), 4);
  return Buffer.concat([head, Buffer.from(text, 'latin1')]);
}

test.each([
  ['a request of another protocol', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ['another magic word', hello('FLNK\x02key')],
  ['another version', hello('WEIR\x01key')],
  ['a damaged one', Buffer.concat([hello('WEIR\x02key').subarray(0, -1), Buffer.from('z')])],
])('%s is hung up on, and nobody else notices', async (_, bytes) => {
  const [producer, consumer] = [await network('a'), await network('b')];
  const partition = partitionOf(producer, consumer);
  const stranger = connect(producer.location.dataPort, '127.0.0.1');
  stranger.on('error', () => {});
  stranger.write(bytes);
  await once(stranger, 'close');
  const gate = gateOf(consumer, producer);
  partition.emit('one', 0, 0);
  partition.flush();
  await waitFor('the record', () => gate.hasData);
  expect([...partition.errors, ...gate.errors]).toEqual([]);
});

test('a stalled reader costs its producer no more than the credit it was given', async () => {
  const [producer, consumer] = [await network('a'), await network('b')];
  const partition = partitionOf(producer, consumer);
  const gate = gateOf(consumer, producer);
  let sent = 0;
  while (partition.isAvailable || sent === 0) {
    partition.emit({ sent: sent++, filling: 'x'.repeat(1000) }, 0, 0);
    partition.flush();
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(sent * 1000).toBeLessThan(3 * 4096);
  const received: unknown[] = [];
  await waitFor('all records', () => {
    for (let polled = gate.poll(); polled; polled = gate.poll()) received.push(...(polled.batch?.values ?? []));
    return received.length === sent;
  });
  expect(partition.isAvailable).toBe(true);
});
