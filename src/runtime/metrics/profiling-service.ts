/**
 * Profiles of a process that were asked for: V8 samples all its threads for some seconds, and the outcome is a trace file that
 * Chrome's DevTools and speedscope.app open. One at a time; the newest few are kept.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Configuration } from '../../config/configuration.ts';
import { UserError } from '../../shared/errors.ts';
import type { Clock } from '../../shared/time.ts';
import type { CpuProfile, ProfileNode } from './cpu-profile.ts';

export interface ProfilingInfo {
  readonly status: 'RUNNING' | 'FINISHED' | 'FAILED';
  readonly mode: string;
  readonly triggerTime: number;
  readonly finishedTime: number | null;
  /** Seconds. */
  readonly duration: number;
  readonly message: string | null;
  readonly outputFile: string | null;
}

export interface ProfiledThread {
  readonly name: string;
  /** Undefined when it does not take part. */
  profile(durationMs: number): Promise<CpuProfile | undefined>;
}

export interface ProfilingServiceOptions {
  /** Made when it is needed. */
  readonly directory: string;
  /** Begins the names of files. */
  readonly processName: string;
  readonly historySize: number;
  readonly maxSeconds: number;
  readonly clock: Clock;
  threads(): readonly ProfiledThread[];
}

/** `temporaryDirectory`: of the process. */
export function profilingSettings(
  config: Configuration,
  temporaryDirectory: string,
): Pick<ProfilingServiceOptions, 'directory' | 'historySize' | 'maxSeconds'> {
  return {
    directory: config.get('rest.profiling.dir') ?? join(temporaryDirectory, 'profiles'),
    historySize: config.get('rest.profiling.history-size'),
    maxSeconds: Math.floor(config.get('rest.profiling.duration-max') / 1000),
  };
}

/** V8 samples by the wall clock; Flink's other modes look at locks and allocations of a JVM. */
const modes = ['CPU', 'ITIMER', 'WALL'];

export class ProfilingService {
  readonly #options: ProfilingServiceOptions;
  /** Newest first. */
  #history: ProfilingInfo[] = [];

  constructor(options: ProfilingServiceOptions) {
    this.#options = options;
  }

  list(): ProfilingInfo[] {
    return [...this.#history];
  }

  /** Throws UserError for what cannot be done. */
  start({ mode, seconds }: { mode: string; seconds: number }): ProfilingInfo {
    const { clock, maxSeconds } = this.#options;
    if (!modes.includes(mode))
      throw new UserError('BAD_PROFILING_MODE', { problem: `There is no profiling of mode '${mode}' here: ${modes.join(', ')}.` });
    if (!Number.isInteger(seconds) || seconds < 1 || seconds > maxSeconds)
      throw new UserError('BAD_PROFILING_DURATION', {
        problem: `A profiling takes 1 to ${maxSeconds} seconds (rest.profiling.duration-max), and ${seconds} were asked for.`,
      });
    if (this.#history[0]?.status === 'RUNNING')
      throw new UserError('PROFILING_RUNS', { problem: 'This process is being profiled already. Wait until that has finished.' });
    const running: ProfilingInfo = {
      status: 'RUNNING',
      mode,
      triggerTime: clock.now(),
      finishedTime: null,
      duration: seconds,
      message: null,
      outputFile: null,
    };
    this.#history.unshift(running);
    void this.#run(running);
    return running;
  }

  /** Fewer bytes than were asked for only at the end. Throws UserError('FILE_NOT_FOUND'). */
  async readPiece({ name, offset, length }: { name: string; offset: number; length: number }): Promise<Uint8Array> {
    if (!this.#history.some(({ outputFile }) => outputFile === name)) throw new UserError('FILE_NOT_FOUND', { problem: 'File not found.' });
    const file = await open(join(this.#options.directory, name), 'r');
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, offset);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  }

  async #run(running: ProfilingInfo): Promise<void> {
    const { clock, directory, processName } = this.#options;
    try {
      const profiles = await Promise.all(
        this.#options.threads().map(async (thread) => ({ name: thread.name, profile: await thread.profile(running.duration * 1000) })),
      );
      const silent = profiles.filter(({ profile }) => profile === undefined).map(({ name }) => name);
      const outputFile = `${processName.replace(/[^\w.-]/g, '_')}_${running.mode}_${new Date(running.triggerTime).toISOString().replace(/[:.]/g, '-')}.json`;
      mkdirSync(directory, { recursive: true });
      writeFileSync(join(directory, outputFile), traceOf(profiles));
      this.#replace(running, {
        ...running,
        status: 'FINISHED',
        finishedTime: clock.now(),
        message: silent.length === 0 ? 'Profiling Successful' : `These threads did not take part: ${silent.join(', ')}.`,
        outputFile,
      });
    } catch (error) {
      this.#replace(running, { ...running, status: 'FAILED', finishedTime: clock.now(), message: String(error) });
    }
  }

  #replace(old: ProfilingInfo, info: ProfilingInfo): void {
    this.#history = this.#history.map((each) => (each === old ? info : each));
    for (const { outputFile } of this.#history.splice(Math.max(1, this.#options.historySize)))
      if (outputFile !== null) rmSync(join(this.#options.directory, outputFile), { force: true });
  }
}

/** Chrome's trace format: per thread its name, a `Profile` and one `ProfileChunk` with nodes and samples. */
function traceOf(profiles: readonly { readonly name: string; readonly profile: CpuProfile | undefined }[]): string {
  const { pid } = process;
  const events = profiles.flatMap(({ name, profile }, tid) => {
    if (!profile) return [];
    const common = { pid, tid, cat: 'disabled-by-default-v8.cpu_profiler', ph: 'P', id: `0x${tid + 1}`, ts: profile.startTime };
    return [
      { pid, tid, cat: '__metadata', ph: 'M', name: 'thread_name', ts: 0, args: { name } },
      { ...common, name: 'Profile', args: { data: { startTime: profile.startTime } } },
      {
        ...common,
        name: 'ProfileChunk',
        args: {
          data: {
            cpuProfile: { nodes: withParents(profile.nodes), samples: profile.samples },
            timeDeltas: profile.timeDeltas,
            endTime: profile.endTime,
          },
        },
      },
    ];
  });
  return JSON.stringify({ traceEvents: events });
}

function withParents(nodes: readonly ProfileNode[]): object[] {
  const parents = new Map(nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node.id] as const)));
  return nodes.map(({ id, callFrame }) => ({ id, callFrame, ...(parents.has(id) ? { parent: parents.get(id) } : {}) }));
}
