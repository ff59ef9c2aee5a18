/** A REST endpoint that answers by a script and keeps what it was asked: what a command sends can be read, word by word. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { JobGraph } from '../../src/graph/job-graph.ts';

export interface Asked {
  readonly method: string;
  /** Without `/v1`. */
  readonly path: string;
  readonly body: string;
}

/** An answer as JSON, text as it is, or a connection that breaks. Several are given one after the other; the last one stays. */
export type Answer = { readonly status?: number; readonly json: unknown } | { readonly text: string } | 'disconnect';

export class ScriptedJobManager implements AsyncDisposable {
  readonly asked: Asked[] = [];
  readonly #server: Server;
  readonly #script: { readonly method: string; readonly path: RegExp; readonly answers: Answer[] }[] = [];

  private constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  static async start(): Promise<ScriptedJobManager> {
    const jobManager = new ScriptedJobManager();
    await new Promise<void>((resolve) => jobManager.#server.listen(0, '127.0.0.1', resolve));
    return jobManager;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  on(method: string, path: RegExp, ...answers: Answer[]): this {
    this.#script.unshift({ method, path, answers });
    return this;
  }

  /** Forgets script and requests. */
  clear(): void {
    this.#script.length = 0;
    this.asked.length = 0;
  }

  /** The JSON bodies that were sent to `path`. */
  bodies(method: string, path: RegExp): unknown[] {
    return this.asked.filter((each) => each.method === method && path.test(each.path)).map(({ body }) => JSON.parse(body));
  }

  /** The job graphs that were submitted. */
  get submitted(): JobGraph[] {
    return this.asked
      .filter(({ method, path }) => method === 'POST' && path === '/jobs')
      .map(({ body }) => JSON.parse(/\r\n\r\n(\{"formatVersion".*?\})\r\n--/s.exec(body)?.[1] ?? 'null') as JobGraph);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const method = request.method ?? '';
    const path = (request.url ?? '').replace(/^\/v1/, '');
    this.asked.push({ method, path, body: Buffer.concat(pieces).toString('latin1') });
    const entry = this.#script.find((each) => each.method === method && each.path.test(path));
    const answer = entry && (entry.answers.length > 1 ? entry.answers.shift() : entry.answers[0]);
    if (answer === 'disconnect') request.socket.destroy();
    else if (answer === undefined) {
      response.writeHead(404, { 'content-type': 'application/json' }).end(JSON.stringify({ errors: [`Not found: ${method} ${path}`] }));
    } else if ('text' in answer) response.writeHead(200, { 'content-type': 'text/html' }).end(answer.text);
    else response.writeHead(answer.status ?? 200, { 'content-type': 'application/json' }).end(JSON.stringify(answer.json));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
