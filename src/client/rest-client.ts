/**
 * Speaks HTTP with a JobManager's REST endpoint, by the rules of Flink's own client: one connection per request, the body
 * decides between success and failure, broken connections and 503 are tried again, all other failures are final.
 *
 * One rule is kinder than Flink's: a first contact that is refused is reported at once, unless `rest.retry.max-attempts` was
 * set. Nobody wants to wait a minute to hear that no cluster runs.
 */
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Configuration } from '../config/configuration.ts';
import { clusterDirectory, highAvailabilityMode, readLeaderAddress } from '../config/high-availability/leader-files.ts';
import { ExternalError, UserError } from '../shared/errors.ts';
import { http } from '../shared/node-http.ts';

export interface RestEndpoint {
  readonly host: string;
  readonly port: number;
}

export interface RestClientOptions {
  readonly endpoint: RestEndpoint;
  /** Where the JobManager may move: where it is now; undefined while there is none. */
  readonly findLeader?: (() => RestEndpoint | undefined | Promise<RestEndpoint | undefined>) | undefined;
  readonly maxAttempts: number;
  readonly retryDelayMs: number;
  readonly connectionTimeoutMs: number;
  /** Also try again when nobody has answered yet. */
  readonly waitForFirstContact: boolean;
  readonly sleep?: ((ms: number) => Promise<void>) | undefined;
}

export type Method = 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';

/** A body that is written piece by piece; `write` is called once per attempt. */
export interface StreamedBody {
  readonly contentType: string;
  readonly length: number;
  write(send: (piece: Uint8Array) => Promise<void>): Promise<void>;
}

/** The JobManager answered with an error. */
export class RestResponseError extends ExternalError {
  override readonly name = 'RestResponseError';
  readonly status: number;
  readonly errors: readonly string[];

  constructor(status: number, errors: readonly string[], endpoint: RestEndpoint) {
    super('REST_ERROR', {
      problem: errors.length > 0 ? errors.join('\n') : `The JobManager at ${address(endpoint)} answered ${status} without a reason.`,
      retriable: status === 503,
    });
    this.status = status;
    this.errors = errors;
  }
}

export class RestClient {
  readonly #options: RestClientOptions;
  #endpoint: RestEndpoint;
  #answered = false;

  constructor(options: RestClientOptions) {
    this.#endpoint = options.endpoint;
    this.#options = options;
  }

  /** Of the last attempt. */
  get endpoint(): RestEndpoint {
    return this.#endpoint;
  }

  get<T>(path: string): Promise<T> {
    return this.call('GET', path);
  }

  post<T>(path: string, body: unknown): Promise<T> {
    return this.call('POST', path, body);
  }

  patch<T>(path: string, body?: unknown): Promise<T> {
    return this.call('PATCH', path, body);
  }

  async call<T>(method: Method, path: string, body?: unknown): Promise<T> {
    const bytes = Buffer.from(JSON.stringify(body ?? {}));
    return this.send(method, path, {
      contentType: 'application/json; charset=UTF-8',
      length: bytes.length,
      write: (send) => send(bytes),
    });
  }

  /** Rejects with RestResponseError, or ExternalError when nobody or no JobManager answers. */
  async send<T>(method: Method, path: string, body: StreamedBody): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return (await this.#attempt(method, `/v1${path}`, body)) as T;
      } catch (error) {
        if (!this.#mayTryAgain(error) || attempt >= this.#options.maxAttempts) throw this.#explain(error);
      }
      await (this.#options.sleep ?? sleep)(this.#options.retryDelayMs);
    }
  }

  #mayTryAgain(error: unknown): boolean {
    if (error instanceof RestResponseError) return error.status === 503;
    if (error instanceof UserError || error instanceof ExternalError) return false;
    return this.#answered || this.#options.waitForFirstContact;
  }

  async #attempt(method: Method, path: string, body: StreamedBody): Promise<unknown> {
    const { findLeader } = this.#options;
    if (findLeader) {
      const leader = await findLeader();
      if (!leader) throw new Error('no JobManager leads the cluster');
      this.#endpoint = leader;
    }
    const { status, text } = await this.#exchange(method, path, body);
    this.#answered = true;
    const parsed = parseJson(text);
    if (parsed === undefined || typeof parsed !== 'object' || parsed === null) throw this.#notAJobManager(status, text);
    const errors = failureOf(parsed);
    if (errors !== undefined) throw new RestResponseError(status, errors, this.endpoint);
    return parsed;
  }

  #exchange(method: Method, path: string, body: StreamedBody): Promise<{ status: number; text: string }> {
    return new Promise((fulfil, reject) => {
      const request = http.request({
        ...this.endpoint,
        method,
        path,
        agent: false,
        timeout: this.#options.connectionTimeoutMs,
        headers: { 'content-type': body.contentType, 'content-length': body.length, connection: 'close' },
      });
      request.on('error', reject);
      request.on('timeout', () => request.destroy(new Error(`no answer within ${this.#options.connectionTimeoutMs} ms`)));
      request.on('response', (response) => {
        readText(response).then((text) => fulfil({ status: response.statusCode ?? 0, text }), reject);
      });
      body
        .write((piece) => writePiece(request, piece))
        .then(() => request.end())
        .catch((error: unknown) => request.destroy(error instanceof Error ? error : new Error(String(error))));
    });
  }

  #explain(error: unknown): Error {
    if (error instanceof UserError || error instanceof ExternalError) return error;
    const lost = this.#answered ? 'The connection to the JobManager was lost' : 'There is no JobManager';
    return new ExternalError('CLUSTER_UNREACHABLE', {
      problem: `${lost} at ${address(this.endpoint)}.`,
      found: networkReason(error),
      tryNext: this.#answered
        ? ['Look into the JobManager log: it may have failed or been stopped.']
        : [
            'Start a cluster on this machine: start-cluster.sh',
            'Name the cluster with -m host:port, or with rest.address and rest.port in the configuration.',
          ],
      retriable: true,
      cause: error,
    });
  }

  #notAJobManager(status: number, text: string): ExternalError {
    return new ExternalError('NOT_A_JOBMANAGER', {
      problem: `What answers at ${address(this.endpoint)} is not a JobManager.`,
      found: `It answered ${status} with: ${text.slice(0, 80).replace(/\s+/g, ' ') || '(nothing)'}`,
      tryNext: ['Check rest.address and rest.port, or -m host:port.'],
      retriable: false,
    });
  }
}

/** The endpoint and the retry rules of a configuration. */
export function restClientOptions(configuration: Configuration): RestClientOptions {
  if (configuration.getText('security.ssl.rest.enabled') === 'true') {
    throw new UserError('NOT_THERE_YET', {
      problem: 'The command line cannot talk TLS to a JobManager yet.',
      found: 'security.ssl.rest.enabled is true.',
      tryNext: ['Run the command on a machine that reaches the JobManager without TLS, with -Dsecurity.ssl.rest.enabled=false.'],
    });
  }
  return {
    endpoint: {
      host: configuration.get('rest.address') ?? configuration.get('jobmanager.rpc.address') ?? 'localhost',
      port: configuration.get('rest.port'),
    },
    maxAttempts: Math.max(1, configuration.get('rest.retry.max-attempts')),
    retryDelayMs: configuration.get('rest.retry.delay'),
    connectionTimeoutMs: configuration.get('rest.connection-timeout'),
    waitForFirstContact: configuration.has('rest.retry.max-attempts'),
    findLeader: leaderFinder(configuration),
  };
}

/** Undefined without high availability: the JobManager has a fixed address. */
function leaderFinder(configuration: Configuration): RestClientOptions['findLeader'] {
  if (highAvailabilityMode(configuration) === 'none') return undefined;
  const cluster = clusterDirectory(configuration);
  return () => {
    const leader = readLeaderAddress(cluster);
    return leader && { host: leader.restHost, port: leader.restPort };
  };
}

export function address(endpoint: RestEndpoint): string {
  return endpoint.host.includes(':') ? `[${endpoint.host}]:${endpoint.port}` : `${endpoint.host}:${endpoint.port}`;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resume) => setTimeout(resume, ms));
}

function writePiece(request: ClientRequest, piece: Uint8Array): Promise<void> {
  return new Promise((fulfil, reject) => {
    request.write(piece, (error) => (error ? reject(error) : fulfil()));
  });
}

async function readText(response: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of response) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString('utf8');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** An object with the one key `errors` is a failure, whatever the status says. */
function failureOf(body: object): readonly string[] | undefined {
  const { errors } = body as { errors?: unknown };
  return Array.isArray(errors) && Object.keys(body).length === 1 ? errors.map(String) : undefined;
}

/** Several addresses of one name fail as one error with parts. */
function networkReason(error: unknown): string {
  const parts = error instanceof AggregateError ? error.errors : [error];
  return parts.map((part) => (part instanceof Error ? part.message : String(part))).join('; ');
}
