/**
 * The embedded resource manager of one test: in a directory of its own, with its own properties file and staging directory.
 * Its disposal asserts that nothing of it is left running, and nothing on disk but logs and records.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type CommandResult, RealCluster, type RunningCommand, waitFor } from './real-cluster.ts';

type Settings = Readonly<Record<string, string | number | boolean>>;

export class YarnMachine implements AsyncDisposable {
  readonly cluster: RealCluster;

  private constructor(cluster: RealCluster) {
    this.cluster = cluster;
  }

  static async prepare(conf: Settings = {}): Promise<YarnMachine> {
    const machine = new YarnMachine(await RealCluster.prepare({ taskManagers: 0 }));
    const { directory } = machine;
    for (const name of ['props', 'staging']) mkdirSync(join(directory, name));
    machine.cluster.writeConf({
      'weir.yarn.directory': join(directory, 'yarn'),
      'yarn.properties-file.location': join(directory, 'props'),
      'yarn.staging-directory': join(directory, 'staging'),
      'jobmanager.memory.process.size': '1024m',
      'taskmanager.memory.process.size': '1024m',
      'taskmanager.numberOfTaskSlots': 1,
      'parallelism.default': 1,
      'heartbeat.interval': 1000,
      'heartbeat.timeout': 20_000,
      'yarn.heartbeat.interval': 1,
      'flink.yarn.scheduler.minimum-allocation-mb': 256,
      'flink.yarn.nodemanager.resource.memory-mb': 8192,
      'flink.yarn.nodemanager.resource-monitor.interval-ms': 250,
      ...conf,
    });
    return machine;
  }

  get directory(): string {
    return this.cluster.directory;
  }

  get propertiesFile(): string {
    return join(this.directory, 'props', `.yarn-properties-${userInfo().username}`);
  }

  flink(...args: string[]): Promise<CommandResult> {
    return this.cluster.flink(args);
  }

  session(...args: string[]): Promise<CommandResult> {
    return this.cluster.script('yarn-session.sh', args);
  }

  attachedSession(...args: string[]): RunningCommand {
    return this.cluster.running('yarn-session.sh', args);
  }

  yarn(...args: string[]): Promise<CommandResult> {
    return this.cluster.script('yarn', args);
  }

  /** One line of `yarn application -status`. */
  async status(applicationId: string, name: string): Promise<string> {
    const { stdout } = await this.yarn('application', '-status', applicationId);
    return new RegExp(`^\\t${name} : (.*)$`, 'm').exec(stdout)?.[1] ?? '';
  }

  async waitForState(applicationId: string, state: string): Promise<void> {
    await waitFor(
      `${applicationId} ${state}`,
      async () => (await this.status(applicationId, 'State')) === state,
      () => this.logs(),
    );
  }

  /** GET of the JobManager's REST API. */
  async rest<T>(applicationId: string, path: string): Promise<T> {
    const url = await this.status(applicationId, 'Tracking-URL');
    return new Promise((resolve, reject) => {
      get(`${url}${path}`, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (piece: string) => {
          text += piece;
        });
        response.on('end', () => resolve(JSON.parse(text) as T));
      }).on('error', reject);
    });
  }

  /** Process ids of one kind, by application, oldest first. */
  processes(program: 'yarn-application-master.js' | 'taskmanager.js'): number[] {
    return this.cluster
      .processes()
      .filter((pid) => {
        try {
          return this.cluster.commandLine(pid).includes(program) && !this.cluster.commandLine(pid).startsWith('/bin/sh');
        } catch {
          return false;
        }
      })
      .sort((a, b) => a - b);
  }

  /** Log files of all containers whose name fits. */
  containerLogs(pattern: RegExp): string {
    const directory = join(this.directory, 'yarn', 'logs');
    return readdirSync(directory, { recursive: true, encoding: 'utf8' })
      .filter((name) => pattern.test(name) && /\.(log|out|err)$/.test(name))
      .sort()
      .map((name) => readFileSync(join(directory, name), 'utf8'))
      .join('');
  }

  logs(): string {
    const daemon = join(this.directory, 'yarn', 'resourcemanager.log');
    if (!existsSync(daemon)) return '(no resource manager)';
    return `${readFileSync(daemon, 'utf8').slice(-4000)}\n${this.containerLogs(/./).slice(-12_000)}`;
  }

  writeFile(name: string, content: string): string {
    const path = join(this.directory, name);
    writeFileSync(path, content);
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const stopped = await this.yarn('--daemon', 'stop', 'resourcemanager');
    await using _cluster = this.cluster;
    expect(stopped).toMatchObject({ exitCode: 0 });
    await waitFor(
      'all processes gone',
      () => this.cluster.processes().length === 0,
      () => this.logs(),
    );
    const left = (name: string): string[] => (existsSync(join(this.directory, name)) ? readdirSync(join(this.directory, name)) : []);
    expect({ containers: left('yarn/appcache'), staged: left('staging/.flink') }).toEqual({ containers: [], staged: [] });
  }
}

export function submittedApplication({ stderr }: { readonly stderr: string }): string {
  const id = /Submitted application (application_\d+_\d{4})/.exec(stderr)?.[1];
  if (!id) throw new Error(`no application id in:\n${stderr}`);
  return id;
}
