/**
 * A highly available cluster of real processes that are killed, stopped and replaced: two JobManagers, two TaskManagers of two
 * slots, short heartbeats, failpoints. What dies is replaced at once, as a resource manager would.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { type CommandResult, freePort, RealCluster, waitFor } from '../harness/real-cluster.ts';
import { Failpoints } from './failpoints.ts';

export interface Leader {
  readonly pid: number;
  readonly epoch: number;
  readonly restPort: number;
}

type Kind = 'jobmanager' | 'taskmanager';
const masters = 2;
const workers = 2;

export class ChaosCluster implements AsyncDisposable {
  readonly cluster: RealCluster;
  readonly failpoints: Failpoints;
  readonly checkpoints: string;
  readonly highAvailability: string;
  /** The checkpoints lie on a small file system of their own, which can be filled. */
  readonly isSmallDisk: boolean;
  readonly #supervisors = new Map<number, number>();

  private constructor(cluster: RealCluster) {
    this.cluster = cluster;
    this.failpoints = new Failpoints(join(cluster.directory, 'failpoints'));
    this.checkpoints = join(cluster.directory, 'checkpoints');
    this.highAvailability = join(cluster.directory, 'ha', 'default');
    mkdirSync(this.checkpoints);
    this.isSmallDisk = mounted(this.checkpoints);
  }

  static async start(installation?: string): Promise<ChaosCluster> {
    const cluster = await RealCluster.prepare({ slotsPerTaskManager: 2, taskManagers: workers, installation });
    const chaos = new ChaosCluster(cluster);
    const conf = readFileSync(join(cluster.directory, 'conf', 'flink-conf.yaml'), 'utf8').replace(/^heartbeat\..*\n/gm, '');
    const settings: Record<string, string> = {
      'taskmanager.memory.process.size': '1g',
      'heartbeat.interval': '300 ms',
      'heartbeat.timeout': '2500 ms',
      'high-availability': 'filesystem',
      'high-availability.storageDir': `file://${join(cluster.directory, 'ha')}`,
      'weir.high-availability.lease-timeout': '2500 ms',
      'state.checkpoints.dir': `file://${chaos.checkpoints}`,
      'state.savepoints.dir': `file://${join(cluster.directory, 'savepoints')}`,
      'state.storage.fs.memory-threshold': '0 kb',
      'state.checkpoints.num-retained': '2',
      'execution.checkpointing.interval': '100 ms',
      'execution.checkpointing.timeout': '10 s',
      'execution.checkpointing.tolerable-failed-checkpoints': '1',
      'execution.checkpointing.externalized-checkpoint-retention': 'RETAIN_ON_CANCELLATION',
      'restart-strategy.type': 'fixed-delay',
      'restart-strategy.fixed-delay.attempts': '100000',
      'restart-strategy.fixed-delay.delay': '50 ms',
    };
    const lines = Object.entries(settings).map(([key, value]) => `${key}: ${value}\n`);
    writeFileSync(join(cluster.directory, 'conf', 'flink-conf.yaml'), conf + lines.join(''));
    const ports = [cluster.restPort, ...(await Promise.all(Array.from({ length: masters - 1 }, () => freePort())))];
    writeFileSync(join(cluster.directory, 'conf', 'masters'), ports.map((port) => `localhost:${port}\n`).join(''));
    const started = await cluster.script('start-cluster.sh', [], { env: chaos.#environment });
    if (started.exitCode !== 0) throw new Error(`start-cluster.sh failed:\n${started.stdout}${started.stderr}\n${cluster.logs()}`);
    await chaos.leaderAfter(0);
    chaos.#noteSupervisors();
    return chaos;
  }

  get #environment(): Record<string, string> {
    return { WEIR_FAILPOINTS: this.failpoints.directory };
  }

  /** Undefined while nobody leads. */
  leader(): Leader | undefined {
    const epochs = join(this.highAvailability, 'epochs');
    const names = existsSync(epochs) ? readdirSync(epochs) : [];
    const newest = names
      .filter((name) => /^\d{19}$/.test(name))
      .sort()
      .at(-1);
    if (newest === undefined || !names.includes(`${newest}.address`)) return undefined;
    try {
      const { pid } = JSON.parse(readFileSync(join(epochs, newest), 'utf8')) as { pid: number };
      const { restPort } = JSON.parse(readFileSync(join(epochs, `${newest}.address`), 'utf8')) as { restPort: number };
      return { pid, epoch: Number(newest), restPort };
    } catch {
      // A newer leader is just forgetting this one.
      return undefined;
    }
  }

  async leaderAfter(epoch: number): Promise<Leader> {
    let leader: Leader | undefined;
    await waitFor(
      `a leader after epoch ${epoch}`,
      () => {
        leader = this.leader();
        return leader !== undefined && leader.epoch > epoch;
      },
      () => this.logs(),
    );
    return leader as Leader;
  }

  /** GET at the leader; undefined while nobody answers. */
  async rest<T>(path: string): Promise<T | undefined> {
    const port = this.leader()?.restPort;
    if (port === undefined) return undefined;
    return new Promise((fulfil) => {
      const request = get({ host: '127.0.0.1', port, path, timeout: 2000 }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (piece: string) => {
          text += piece;
        });
        response.on('end', () => fulfil(response.statusCode === 200 ? (JSON.parse(text) as T) : undefined));
        response.on('error', () => fulfil(undefined));
      });
      request.on('timeout', () => request.destroy());
      request.on('error', () => fulfil(undefined));
    });
  }

  flink(args: readonly string[]): Promise<CommandResult> {
    return this.cluster.flink(args);
  }

  processes(kind: Kind): number[] {
    return this.cluster.processes().filter((pid) => isNode(pid, kind));
  }

  /** Kills a process of this cluster, and starts another one in its place. */
  async kill(pid: number): Promise<void> {
    this.#noteSupervisors();
    process.kill(pid, 'SIGKILL');
    await this.replaceDead();
  }

  /** As many JobManagers and TaskManagers as at the start; those that are stopped count. */
  async replaceDead(): Promise<void> {
    this.#endSupervisorsOfDead();
    for (const [kind, wanted] of [
      ['jobmanager', masters],
      ['taskmanager', workers],
    ] as const) {
      for (let missing = wanted - this.processes(kind).length; missing > 0; missing--) {
        const args = kind === 'jobmanager' ? ['start', 'localhost', String(await freePort())] : ['start'];
        const started = await this.cluster.script(`${kind}.sh`, args, { env: this.#environment });
        if (started.exitCode !== 0) throw new Error(`${kind}.sh failed:\n${started.stdout}${started.stderr}\n${this.logs()}`);
      }
    }
    this.#noteSupervisors();
  }

  /** What was logged last, without what processes say when they start. */
  logs(): string {
    const directory = join(this.cluster.directory, 'log');
    const last = (text: string): string =>
      text
        .split('\n')
        .filter((line) => !/Loading configuration property|Triggering checkpoint|Completed checkpoint/.test(line))
        .slice(-60)
        .join('\n');
    return readdirSync(directory)
      .map((name) => `==> ${name}\n${last(readFileSync(join(directory, name), 'utf8'))}`)
      .join('\n');
  }

  /** A supervisor waits longer after each death; here there are many. One that has started another process already goes on. */
  #endSupervisorsOfDead(): void {
    this.#noteSupervisors();
    const alive = [...this.processes('jobmanager'), ...this.processes('taskmanager')];
    const busy = new Set(alive.map((pid) => this.#supervisors.get(pid)));
    for (const [pid, supervisor] of this.#supervisors) {
      if (alive.includes(pid)) continue;
      this.#supervisors.delete(pid);
      if (!busy.has(supervisor)) signal(supervisor, 'SIGTERM');
    }
  }

  #noteSupervisors(): void {
    for (const kind of ['jobmanager', 'taskmanager'] as const) {
      for (const pid of this.processes(kind)) {
        const parent = /^\d+ \(.*\) \S (\d+)/s.exec(read(`/proc/${pid}/stat`))?.[1];
        if (parent !== undefined && !this.#supervisors.has(pid)) this.#supervisors.set(pid, Number(parent));
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.failpoints.clear();
      for (const pid of this.cluster.processes()) signal(pid, 'SIGCONT');
      await this.cluster.script('taskmanager.sh', ['stop-all']);
      await this.cluster.script('jobmanager.sh', ['stop-all']);
    } finally {
      try {
        await this.cluster.stop();
      } finally {
        for (const pid of this.cluster.processes()) signal(pid, 'SIGKILL');
        if (this.isSmallDisk) execFileSync('umount', ['-l', this.checkpoints]);
        await this.cluster[Symbol.asyncDispose]();
      }
    }
  }
}

/** A process that is one of these itself, and not the shell around it. */
function isNode(pid: number, kind: Kind): boolean {
  return new RegExp(`/dist/${kind}\\.js\\0`).test(read(`/proc/${pid}/cmdline`)) && !read(`/proc/${pid}/cmdline`).includes('supervisor.sh');
}

function read(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}

export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Gone meanwhile.
  }
}

export const smallDiskBytes = 24 * 1024 * 1024;

/** Only where this user may mount. */
function mounted(directory: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${smallDiskBytes}`, 'tmpfs', directory], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
