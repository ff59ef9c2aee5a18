/** Connections inside a cluster with security.ssl.internal: who may connect, what is said when a store is of no use. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { Configuration } from '../../src/config/configuration.ts';
import { connectInternal, createInternalServer, internalTls } from '../../src/runtime/internal-sockets.ts';

const store = (name: string): string => join(import.meta.dirname, '../fixtures/tls', name);
const password = 'internal_store_password';

/** As Flink's documentation sets a cluster up: one store with one key for all. */
function settings(own = 'internal.p12', trusted = own, more: Record<string, string> = {}): Configuration {
  return Configuration.of({
    'security.ssl.internal.enabled': 'true',
    'security.ssl.internal.keystore': store(own),
    'security.ssl.internal.keystore-password': password,
    'security.ssl.internal.key-password': password,
    'security.ssl.internal.truststore': store(trusted),
    'security.ssl.internal.truststore-password': password,
    ...more,
  });
}

const tlsOf = (config: Configuration) => internalTls(config, 'taskmanager.data.ssl.enabled');
const servers: { close(): void }[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** Sends back what comes. */
async function listen(config: Configuration): Promise<{ port: number; accepted: () => number }> {
  let accepted = 0;
  const server = createInternalServer(tlsOf(config), (socket) => {
    accepted++;
    socket.on('error', () => {});
    socket.pipe(socket);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as { port: number }).port, accepted: () => accepted };
}

/** What comes back, or 'refused'. */
async function say(config: Configuration, port: number): Promise<string> {
  const socket = connectInternal(tlsOf(config), { host: '127.0.0.1', port }, () => socket.write('hello'));
  socket.on('error', () => {});
  const answer = await new Promise<string>((resolve) => {
    socket.on('data', (data) => resolve(String(data)));
    socket.on('close', () => resolve('refused'));
  });
  socket.destroy();
  return answer;
}

test.each([
  ['PKCS12 on both ends', settings(), settings()],
  ['PEM on both ends', settings('internal.pem', 'trusted.pem'), settings('internal.pem', 'trusted.pem')],
  ['one of each', settings('internal.pem', 'trusted.pem'), settings()],
])('processes with the same store talk: %s', async (_, server, client) => {
  const { port } = await listen(server);
  expect(await say(client, port)).toBe('hello');
});

test('whoever has no certificate of the cluster is refused, in plain and with TLS, and so is a server of another one', async () => {
  const { port, accepted } = await listen(settings());
  expect(await say(settings('other.p12', 'internal.p12'), port)).toBe('refused');
  expect(await say(settings('internal.p12', 'other.p12'), port)).toBe('refused');
  const plain = connect(port, '127.0.0.1');
  plain.on('error', () => {});
  plain.write('hello, is anybody there?\r\n\r\n');
  await once(plain, 'close');
  expect(accepted()).toBe(0);
  expect(await say(settings(), port)).toBe('hello');
});

test('a fingerprint pins the one certificate', async () => {
  const fingerprint = 'F0:8A:77:A4:97:5C:25:81:75:7C:B5:F1:A7:32:E0:92:3E:EF:B9:9C';
  const pinned = settings('internal.p12', 'internal.p12', { 'security.ssl.internal.cert.fingerprint': fingerprint.toLowerCase() });
  const wrong = settings('internal.p12', 'internal.p12', { 'security.ssl.internal.cert.fingerprint': fingerprint.replace(/^../, '00') });
  const { port } = await listen(pinned);
  expect(await say(pinned, port)).toBe('hello');
  expect(await say(wrong, port)).toBe('refused');
  const { port: picky } = await listen(wrong);
  expect(await say(pinned, picky)).toBe('refused');
});

test('off by default, and for a service that takes no part', () => {
  expect(tlsOf(Configuration.of({}))).toBeUndefined();
  expect(tlsOf(settings('internal.p12', 'internal.p12', { 'taskmanager.data.ssl.enabled': 'false' }))).toBeUndefined();
  expect(internalTls(settings(), 'akka.ssl.enabled')).toBeDefined();
});

test.each([
  ['no keystore', { 'security.ssl.internal.enabled': 'true' }, /security\.ssl\.internal\.keystore is not set/],
  [
    'a file that is not there',
    { 'security.ssl.internal.keystore': '/nowhere.p12' },
    /\/nowhere\.p12 of security\.ssl\.internal\.keystore cannot be read/,
  ],
  ['a Java keystore', { 'security.ssl.internal.keystore': store('internal.jks') }, /is a Java keystore[\s\S]*keytool -importkeystore/],
  ['a wrong password', { 'security.ssl.internal.truststore-password': 'x' }, /cannot be used[\s\S]*truststore-password/],
])('%s is told with file and key', (name, changes, message) => {
  const base = name === 'no keystore' ? {} : settings().toRecord();
  expect(() => tlsOf(Configuration.of({ ...base, ...changes }))).toThrow(message);
});
