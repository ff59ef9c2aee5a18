/** Jobs on a real cluster, submitted with `flink run`, and what they cost. */
import { join } from 'node:path';
import { RealCluster, type RealClusterOptions, submittedJobId } from '../../test/harness/real-cluster.ts';
import type { Installation } from './installation.ts';
import { cpuSeconds } from './processes.ts';

export interface JobCost {
  /** From the first task running to the last one finished. */
  readonly wallSeconds: number;
  /** All processes of the cluster, from submission to the end. */
  readonly cpuSeconds: number;
  /** From the shell's point of view. */
  readonly commandSeconds: number;
  readonly accumulators: Readonly<Record<string, number>>;
  /** How many it completed. */
  readonly checkpoints: number;
}

export class MeasuredCluster implements AsyncDisposable {
  readonly cluster: RealCluster;

  private constructor(cluster: RealCluster) {
    this.cluster = cluster;
  }

  static async start(installation: Installation, options: RealClusterOptions = {}): Promise<MeasuredCluster> {
    return new MeasuredCluster(await RealCluster.start({ ...options, installation: installation.directory }));
  }

  /** `options` are those of `flink run`. */
  async run(program: string, parallelism: number, args: readonly string[], options: readonly string[] = []): Promise<JobCost> {
    const pids = this.cluster.processes();
    const cpuBefore = cpuSeconds(pids);
    const begun = performance.now();
    const ran = await this.cluster.flink(['run', '-p', String(parallelism), ...options, programPath(program), ...args]);
    const commandSeconds = (performance.now() - begun) / 1000;
    const cpu = cpuSeconds(pids) - cpuBefore;
    if (ran.exitCode !== 0) throw new Error(`flink run failed:\n${ran.stdout}\n${ran.stderr}\n${this.cluster.logs()}`);
    const jobId = submittedJobId(ran.stdout);
    const wallSeconds = await this.#runningSeconds(jobId);
    const checkpoints = await this.cluster.rest<{ counts?: { completed: number } }>(`/jobs/${jobId}/checkpoints`);
    return {
      wallSeconds,
      cpuSeconds: cpu,
      commandSeconds,
      accumulators: accumulatorsOf(ran.stdout),
      checkpoints: checkpoints?.counts?.completed ?? 0,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cluster[Symbol.asyncDispose]();
  }

  async #runningSeconds(jobId: string): Promise<number> {
    interface Job {
      readonly vertices: readonly { readonly 'start-time': number; readonly 'end-time': number }[];
    }
    const job = await this.cluster.rest<Job>(`/jobs/${jobId}`);
    if (!job) throw new Error(`the cluster forgot job ${jobId}`);
    const starts = job.vertices.map((vertex) => vertex['start-time']);
    const ends = job.vertices.map((vertex) => vertex['end-time']);
    return (Math.max(...ends) - Math.min(...starts)) / 1000;
  }
}

export function programPath(name: string): string {
  return join(import.meta.dirname, '../programs', name);
}

function accumulatorsOf(stdout: string): Record<string, number> {
  const lines = stdout.matchAll(/^- (\S+) \(\w+\): (-?\d+)/gm);
  return Object.fromEntries(Array.from(lines, ([, name, value]) => [name, Number(value)]));
}
