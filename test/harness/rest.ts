/** The REST endpoint over an embedded cluster in the test's own process, and plain HTTP to talk to it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Configuration } from '../../src/config/configuration.ts';
import { MiniCluster } from '../../src/deployment/local/mini-cluster.ts';
import type { HandlerContext } from '../../src/rest/handlers/handler-context.ts';
import { type RestServer, startRestServer } from '../../src/rest/rest-server.ts';
import { profileThisThread } from '../../src/runtime/metrics/cpu-profile.ts';
import { processMetrics } from '../../src/runtime/metrics/process-metrics.ts';
import { ProfilingService, profilingSettings } from '../../src/runtime/metrics/profiling-service.ts';
import { silentLogger } from '../../src/shared/logger.ts';
import { systemClock } from '../../src/shared/time.ts';

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** The body as JSON; undefined when it is none. */
  readonly json: unknown;
}

export interface HttpCall {
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | Uint8Array | undefined;
}

/** One request on a connection of its own. */
export function http(port: number, method: string, path: string, { headers, body }: HttpCall = {}): Promise<HttpAnswer> {
  return new Promise((fulfil, reject) => {
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const call = request({ host: '127.0.0.1', port, method, path, headers: { ...length, ...headers }, agent: false }, (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(pieces).toString('utf8');
        fulfil({ status: response.statusCode ?? 0, headers: response.headers, text, json: parsed(text) });
      });
    });
    call.on('error', reject);
    call.end(body);
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * Writes bytes to the port as they are; resolves with all that comes back until the server ends the connection. `cut`: this side
 * ends it first, which takes Node's servers for a client that went away.
 */
export function rawHttp(port: number, bytes: string | Uint8Array, { cut = false } = {}): Promise<string> {
  return new Promise((fulfil) => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    socket.setEncoding('latin1');
    socket.on('data', (piece: string) => {
      text += piece;
    });
    socket.on('error', () => {});
    socket.on('close', () => fulfil(text));
    socket.write(bytes);
    if (cut) socket.end();
  });
}

export interface MultipartPart {
  readonly name: string;
  readonly fileName?: string | undefined;
  readonly content: string | Uint8Array;
  readonly contentType?: string | undefined;
}

export function multipart(parts: readonly MultipartPart[]): { headers: Record<string, string>; body: Buffer } {
  const boundary = 'weir-test-boundary';
  const pieces = parts.flatMap(({ name, fileName, content, contentType }) => [
    Buffer.from(
      `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${fileName === undefined ? '' : `; filename="${fileName}"`}\r\n` +
        `${contentType === undefined ? '' : `Content-Type: ${contentType}\r\n`}\r\n`,
    ),
    Buffer.from(content),
    Buffer.from('\r\n'),
  ]);
  const body = Buffer.concat([...pieces, Buffer.from(`--${boundary}--\r\n`)]);
  return { headers: { 'content-type': `multipart/form-data; boundary=${boundary}`, 'content-length': String(body.length) }, body };
}

export class EmbeddedRest implements AsyncDisposable {
  readonly cluster: MiniCluster;
  readonly directory: string;
  readonly context: HandlerContext;
  readonly #server: RestServer;

  private constructor(cluster: MiniCluster, directory: string, context: HandlerContext, server: RestServer) {
    this.cluster = cluster;
    this.directory = directory;
    this.context = context;
    this.#server = server;
  }

  static async start(conf: Readonly<Record<string, string>> = {}, slots = 2): Promise<EmbeddedRest> {
    const directory = mkdtempSync(join(tmpdir(), 'weir-rest-'));
    const config = Configuration.of({ 'rest.bind-port': '0', ...conf });
    const cluster = await MiniCluster.start({ config, slots });
    mkdirSync(join(directory, 'log'));
    const logFiles = { log: join(directory, 'log', 'jobmanager.log'), stdout: join(directory, 'log', 'jobmanager.out') };
    for (const file of Object.values(logFiles)) writeFileSync(file, 'first line\n');
    const context: HandlerContext = {
      config,
      dispatcher: cluster.dispatcher,
      uploadDirectory: directory,
      clock: systemClock,
      log: silentLogger,
      logFiles,
      profiling: new ProfilingService({
        ...profilingSettings(config, directory),
        processName: 'jobmanager',
        clock: systemClock,
        threads: () => [{ name: 'main', profile: profileThisThread }],
      }),
      processMetrics,
    };
    try {
      return new EmbeddedRest(cluster, directory, context, await startRestServer(context));
    } catch (error) {
      await cluster.close();
      rmSync(directory, { recursive: true, force: true });
      throw error;
    }
  }

  get port(): number {
    return this.#server.port;
  }

  call(method: string, path: string, call?: HttpCall): Promise<HttpAnswer> {
    return http(this.port, method, path, call);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.close();
    await this.cluster.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
