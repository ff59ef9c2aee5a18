/** Two processes that call each other: what cannot be sent is told, and the connection goes on. */
import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { expect, test, vi } from 'vitest';
import { openRpc } from '../../../src/runtime/rpc/connection.ts';

interface Peer {
  bytes(count: number): Promise<Uint8Array>;
  echo(value: unknown): Promise<unknown>;
}

const peer: Peer = { bytes: async (count) => new Uint8Array(count), echo: async (value) => value };

async function connected(handlers: Peer): Promise<{ remote: Peer; close(): void }> {
  const accepted = Promise.withResolvers<Socket>();
  const server = createServer(accepted.resolve);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const answering = openRpc(await accepted.promise, handlers, 10_000);
  const calling = openRpc<Peer>(socket, {}, 10_000);
  return {
    remote: calling.remote as unknown as Peer,
    close: () => {
      answering.close();
      server.close();
    },
  };
}

test('a call waits as long as its connection lives', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  try {
    const called = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<unknown>();
    const { remote, close } = await connected({
      ...peer,
      echo: () => {
        called.resolve();
        return answer.promise;
      },
    });
    const slow = remote.echo('slow');
    await called.promise;
    vi.advanceTimersByTime(24 * 3_600_000);
    answer.resolve('late');
    expect(await slow).toBe('late');
    const lost = remote.bytes(1);
    close();
    await expect(lost).rejects.toThrow('The connection to the other process was lost.');
  } finally {
    vi.useRealTimers();
  }
});

test('an answer that is too large rejects its call, and only that', async () => {
  const { remote, close } = await connected(peer);
  expect(await remote.bytes(100)).toHaveLength(100);
  await expect(remote.bytes(20_000)).rejects.toThrow('akka.framesize');
  await expect(remote.echo(new Uint8Array(20_000))).rejects.toThrow('akka.framesize');
  expect(await remote.echo({ a: [1, 'two'] })).toEqual({ a: [1, 'two'] });
  close();
});
