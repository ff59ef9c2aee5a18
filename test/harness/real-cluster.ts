/**
 * A real cluster for end-to-end tests: the shipped scripts and the `flink` command, in a temporary directory with its own
 * configuration, logs, pid files and ports. `stop` asserts that no process of it is left.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { createServer } from 'node:net';
import { constants, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { execa } from 'execa';

export const repository = resolve(import.meta.dirname, '../..');

export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RealClusterOptions {
  readonly conf?: Readonly<Record<string, string | number | boolean>> | undefined;
  /** Lines of conf/workers, all on this machine. */
  readonly taskManagers?: number | undefined;
  readonly slotsPerTaskManager?: number | undefined;
  /** Whose `bin` is used; this checkout's by default. */
  readonly installation?: string | undefined;
}

export class RealCluster implements AsyncDisposable {
  readonly directory: string;
  readonly restPort: number;
  readonly #installation: string;

  private constructor(directory: string, restPort: number, installation: string) {
    this.directory = directory;
    this.restPort = restPort;
    this.#installation = installation;
  }

  /** Prepares directory and configuration; nothing runs yet. */
  static async prepare(options: RealClusterOptions = {}): Promise<RealCluster> {
    const directory = mkdtempSync(join(tmpdir(), 'weir-e2e-'));
    const [restPort, rpcPort] = [await freePort(), await freePort()];
    const cluster = new RealCluster(directory, restPort, options.installation ?? repository);
    for (const name of ['conf', 'log', 'pid', 'tmp']) mkdirSync(join(directory, name));
    cluster.writeConf({
      'jobmanager.rpc.address': 'localhost',
      'jobmanager.rpc.port': rpcPort,
      'rest.port': restPort,
      'jobmanager.memory.process.size': '1024m',
      'taskmanager.memory.process.size': '1728m',
      'taskmanager.numberOfTaskSlots': options.slotsPerTaskManager ?? 2,
      'parallelism.default': 1,
      'heartbeat.interval': 1000,
      'heartbeat.timeout': 8000,
      'io.tmp.dirs': join(directory, 'tmp'),
      // A session of whoever runs the tests is none of theirs.
      'yarn.properties-file.location': directory,
      ...options.conf,
    });
    writeFileSync(join(directory, 'conf', 'masters'), 'localhost\n');
    writeFileSync(join(directory, 'conf', 'workers'), 'localhost\n'.repeat(options.taskManagers ?? 1));
    return cluster;
  }

  static async start(options: RealClusterOptions = {}): Promise<RealCluster> {
    const cluster = await RealCluster.prepare(options);
    const started = await cluster.script('start-cluster.sh');
    if (started.exitCode !== 0) throw new Error(`start-cluster.sh failed:\n${started.stdout}\n${started.stderr}\n${cluster.logs()}`);
    await cluster.waitForSlots((options.taskManagers ?? 1) * (options.slotsPerTaskManager ?? 2));
    return cluster;
  }

  writeConf(conf: Readonly<Record<string, string | number | boolean>>): void {
    const lines = Object.entries(conf).map(([key, value]) => `${key}: ${value}`);
    writeFileSync(join(this.directory, 'conf', 'flink-conf.yaml'), `${lines.join('\n')}\n`);
  }

  environment(): Record<string, string> {
    return {
      PATH: '/usr/local/bin:/usr/bin:/bin',
      HOME: process.env['HOME'] ?? '/',
      USER: 'weir-test',
      FLINK_CONF_DIR: join(this.directory, 'conf'),
      FLINK_LOG_DIR: join(this.directory, 'log'),
      FLINK_PID_DIR: join(this.directory, 'pid'),
    };
  }

  flink(args: readonly string[], options: { input?: string; env?: Record<string, string>; cwd?: string } = {}): Promise<CommandResult> {
    return this.#run(join(this.#installation, 'bin', 'flink'), args, options);
  }

  /** `as`: what runs the script, for example as another user. */
  script(
    name: string,
    args: readonly string[] = [],
    options: { env?: Record<string, string>; cwd?: string; as?: readonly string[] } = {},
  ): Promise<CommandResult> {
    const [file = '', ...words] = [...(options.as ?? []), join(this.#installation, 'bin', name), ...args];
    return this.#run(file, words, options);
  }

  /** A command that goes on: to be watched, and interrupted. */
  running(file: string, args: readonly string[], options: { env?: Record<string, string> } = {}): RunningCommand {
    const path = file.includes('/') ? file : join(this.#installation, 'bin', file);
    return new RunningCommand(path, args, this.directory, { ...this.environment(), ...options.env });
  }

  async #run(
    file: string,
    args: readonly string[],
    options: { input?: string; env?: Record<string, string>; cwd?: string },
  ): Promise<CommandResult> {
    const result = await execa(file, args, {
      env: { ...this.environment(), ...options.env },
      extendEnv: false,
      cwd: options.cwd ?? this.directory,
      reject: false,
      stripFinalNewline: false,
      ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
    });
    return { exitCode: result.exitCode ?? -1, stdout: result.stdout ?? '', stderr: result.stderr ?? '' };
  }

  /** GET of the REST API; undefined while nobody answers. */
  rest<T = unknown>(path: string): Promise<T | undefined> {
    return new Promise((fulfil) => {
      const request = get({ host: '127.0.0.1', port: this.restPort, path }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (piece: string) => {
          text += piece;
        });
        response.on('end', () => fulfil(JSON.parse(text) as T));
      });
      request.on('error', () => fulfil(undefined));
    });
  }

  async waitForSlots(slots: number): Promise<void> {
    await waitFor(
      `${slots} slots`,
      async () => (await this.rest<{ 'slots-total': number }>('/overview'))?.['slots-total'] === slots,
      () => this.logs(),
    );
  }

  /** RUNNING means that every task runs, not that they wait for slots. */
  async waitForJobState(jobId: string, state: string): Promise<void> {
    await waitFor(
      `job ${jobId} ${state}`,
      async () => {
        const job = await this.rest<{ state: string; vertices: { status: string }[] }>(`/jobs/${jobId}`);
        return (
          job?.state === state && (state !== 'RUNNING' || job.vertices.every(({ status }) => ['RUNNING', 'FINISHED'].includes(status)))
        );
      },
      () => this.logs(),
    );
  }

  /** All log and out files, newest part of each, for failure messages. */
  logs(): string {
    const directory = join(this.directory, 'log');
    if (!existsSync(directory)) return '(no logs)';
    return readdirSync(directory)
      .map((name) => `==> ${name}\n${readFileSync(join(directory, name), 'utf8').slice(-6000)}`)
      .join('\n');
  }

  logFile(pattern: RegExp): string {
    const directory = join(this.directory, 'log');
    return readdirSync(directory)
      .filter((name) => pattern.test(name))
      .map((name) => readFileSync(join(directory, name), 'utf8'))
      .join('');
  }

  /** Process ids whose environment names this cluster's directory. */
  processes(): number[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => {
        try {
          return pid !== process.pid && readFileSync(`/proc/${pid}/environ`, 'latin1').includes(this.directory);
        } catch {
          return false;
        }
      });
  }

  commandLine(pid: number): string {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ');
  }

  async stop(): Promise<void> {
    const stopped = await this.script('stop-cluster.sh');
    await waitFor(
      'all processes gone',
      async () => this.processes().length === 0,
      () => `${stopped.stdout}${stopped.stderr}${this.logs()}`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.stop();
    } finally {
      for (const pid of this.processes()) process.kill(pid, 'SIGKILL');
      rmSync(this.directory, { recursive: true, force: true });
    }
  }
}

export class RunningCommand {
  readonly result: Promise<CommandResult>;
  stdout = '';
  stderr = '';
  readonly #child: ChildProcessWithoutNullStreams;

  constructor(file: string, args: readonly string[], cwd: string, env: Record<string, string>) {
    const child = spawn(file, args, { cwd, env });
    this.#child = child;
    child.stdout.setEncoding('utf8').on('data', (piece: string) => {
      this.stdout += piece;
    });
    child.stderr.setEncoding('utf8').on('data', (piece: string) => {
      this.stderr += piece;
    });
    this.result = new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, signal) => {
        const exitCode = code ?? 128 + (constants.signals[signal as NodeJS.Signals] ?? 0);
        resolve({ exitCode, stdout: this.stdout, stderr: this.stderr });
      });
    });
  }

  /** Until stdout or stderr has it. */
  async printed(pattern: RegExp): Promise<void> {
    await waitFor(
      `output ${pattern}`,
      () => pattern.test(this.stdout) || pattern.test(this.stderr),
      () => `${this.stdout}\n${this.stderr}`,
    );
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  type(text: string): void {
    this.#child.stdin.write(text);
  }
}

export async function waitFor(what: string, condition: () => Promise<boolean> | boolean, explain: () => string = () => ''): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited in vain for: ${what}\n${explain()}`);
    await new Promise((resume) => setTimeout(resume, 25));
  }
}

export function freePort(): Promise<number> {
  return new Promise((fulfil, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => fulfil(port));
    });
  });
}

/** The job id of a `Job has been submitted with JobID` line. */
export function submittedJobId(stdout: string): string {
  const id = /Job has been submitted with JobID ([0-9a-f]{32})/.exec(stdout)?.[1];
  if (!id) throw new Error(`no job id in:\n${stdout}`);
  return id;
}
