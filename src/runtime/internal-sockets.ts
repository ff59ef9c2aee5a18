/**
 * Connections between the processes of one cluster: plain, or TLS in which both ends prove who they are
 * (`security.ssl.internal.*`). Nobody else connects there, so certificates are checked against the cluster's own truststore,
 * or a fingerprint, and not against host names.
 */
import { readFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import {
  connect as connectTls,
  createSecureContext,
  createServer as createTlsServer,
  type SecureContextOptions,
  type TLSSocket,
} from 'node:tls';
import type { Configuration } from '../config/configuration.ts';
import { UserError } from '../shared/errors.ts';

/** What both ends of a connection are made with. */
export interface InternalTls {
  readonly context: SecureContextOptions;
  /** Of the peer's certificate, when it must be a certain one: upper case, with colons. */
  readonly fingerprint: string | undefined;
  readonly handshakeTimeoutMs: number;
}

/** What takes part when `security.ssl.internal.enabled` is true. */
type Service = 'akka.ssl.enabled' | 'taskmanager.data.ssl.enabled';

const defaultHandshakeTimeoutMs = 10_000;

/** Undefined when this service speaks in plain. Throws UserError('BAD_KEYSTORE') with file and key. */
export function internalTls(config: Configuration, service: Service): InternalTls | undefined {
  if (!config.get('security.ssl.internal.enabled') || !config.get(service)) return undefined;
  const keystore = readStore(config, 'security.ssl.internal.keystore', 'security.ssl.internal.keystore-password');
  const truststore = readStore(config, 'security.ssl.internal.truststore', 'security.ssl.internal.truststore-password');
  const passphrase = config.getOptional('security.ssl.internal.key-password') ?? keystore.password;
  const own: SecureContextOptions = keystore.isPem
    ? { cert: keystore.bytes, key: keystore.bytes, passphrase }
    : { pfx: keystore.bytes, passphrase: keystore.password };
  const handshakeTimeout = config.get('security.ssl.internal.handshake-timeout');
  const context = { ...own, ca: trusted(truststore) };
  checked(keystore, () => createSecureContext(context));
  return {
    context,
    fingerprint: config.getOptional('security.ssl.internal.cert.fingerprint')?.toUpperCase(),
    handshakeTimeoutMs: handshakeTimeout > 0 ? handshakeTimeout : defaultHandshakeTimeoutMs,
  };
}

/** `accept` is called for peers that have proved who they are. */
export function createInternalServer(tls: InternalTls | undefined, accept: (socket: Socket) => void): Server {
  if (!tls) return createServer({ noDelay: true }, accept);
  const server = createTlsServer(
    { ...tls.context, requestCert: true, rejectUnauthorized: true, handshakeTimeout: tls.handshakeTimeoutMs, noDelay: true },
    (socket) => {
      if (isExpected(socket, tls)) accept(socket);
      else socket.destroy();
    },
  );
  // A stranger, or a peer whose certificate is not trusted: it hears of it by itself.
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  return server;
}

/** `onReady` is called when the peer has proved who it is; what is written before waits for that. */
export function connectInternal(tls: InternalTls | undefined, to: { host: string; port: number }, onReady: () => void): Socket {
  if (!tls) return connect({ ...to, noDelay: true }, onReady);
  const socket = connectTls({ ...to, ...tls.context, rejectUnauthorized: true, checkServerIdentity: () => undefined }, () => {
    if (isExpected(socket, tls)) onReady();
    else socket.destroy(new Error('the certificate of the other process is not the one of security.ssl.internal.cert.fingerprint'));
  });
  socket.setNoDelay(true);
  return socket;
}

function isExpected(socket: TLSSocket, { fingerprint }: InternalTls): boolean {
  return fingerprint === undefined || socket.getPeerCertificate().fingerprint === fingerprint;
}

interface Store {
  readonly key: string;
  readonly path: string;
  readonly bytes: Buffer;
  readonly password: string | undefined;
  readonly isPem: boolean;
}

function readStore(
  config: Configuration,
  key: 'security.ssl.internal.keystore' | 'security.ssl.internal.truststore',
  passwordKey: 'security.ssl.internal.keystore-password' | 'security.ssl.internal.truststore-password',
): Store {
  const path = config.getOptional(key);
  if (path === undefined)
    throw new UserError('BAD_KEYSTORE', {
      problem: `security.ssl.internal.enabled is true, and ${key} is not set.`,
      tryNext: [`Set ${key} to a PKCS12 or PEM file that all processes of the cluster can read.`],
    });
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new UserError('BAD_KEYSTORE', {
      problem: `The store ${path} of ${key} cannot be read: ${(error as Error).message}`,
      cause: error,
    });
  }
  if (bytes.subarray(0, 4).toString('hex') === 'feedfeed')
    throw new UserError('BAD_KEYSTORE', {
      problem: `The store ${path} of ${key} is a Java keystore (JKS).`,
      tryNext: [`keytool -importkeystore -srckeystore ${path} -destkeystore ${path}.p12 -deststoretype pkcs12`],
    });
  const password = config.getOptional(passwordKey);
  return { key, path, bytes, password, isPem: bytes.includes('-----BEGIN ') };
}

/** The certificates of a store as PEM. */
function trusted(store: Store): string | Buffer {
  if (store.isPem) return store.bytes;
  return checked(store, () => {
    const { context } = createSecureContext({ pfx: store.bytes, passphrase: store.password }) as {
      context: { getCertificate(): Buffer | null };
    };
    const certificate = context.getCertificate();
    if (!certificate) throw new Error('it holds no certificate with its key');
    return `-----BEGIN CERTIFICATE-----\n${certificate.toString('base64')}\n-----END CERTIFICATE-----\n`;
  });
}

function checked<T>({ key, path }: Store, use: () => T): T {
  try {
    return use();
  } catch (error) {
    throw new UserError('BAD_KEYSTORE', {
      problem: `The store ${path} of ${key} cannot be used: ${(error as Error).message}`,
      tryNext: [
        `Check ${key}-password.`,
        'A truststore without a private key is given as PEM: openssl pkcs12 -in store.p12 -nokeys -out trusted.pem',
      ],
      cause: error,
    });
  }
}
