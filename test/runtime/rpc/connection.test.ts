/** Two processes that call each other: what cannot be sent is told, and the connection goes on. */
import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { openRpc } from '../../../src/runtime/rpc/connection.ts';

interface Peer {
  bytes(count: number): Promise<Uint8Array>;
  echo(value: unknown): Promise<unknown>;
}

const peer: Peer = { bytes: async (count) => new Uint8Array(count), echo: async (value) => value };

test('an answer that is too large rejects its call, and only that', async () => {
  const accepted = Promise.withResolvers<Socket>();
  const server = createServer(accepted.resolve);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const answering = openRpc(await accepted.promise, peer, 10_000);
  const calling = openRpc<Peer>(socket, {}, 10_000);
  const remote = calling.remote as unknown as Peer;
  expect(await remote.bytes(100)).toHaveLength(100);
  await expect(remote.bytes(20_000)).rejects.toThrow('akka.framesize');
  await expect(remote.echo(new Uint8Array(20_000))).rejects.toThrow('akka.framesize');
  expect(await remote.echo({ a: [1, 'two'] })).toEqual({ a: [1, 'two'] });
  calling.close();
  answering.close();
  server.close();
});
