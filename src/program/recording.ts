/**
 * Runs a program and catches what it executes. The client *submits*: each `execute` becomes a JobGraph that a cluster
 * runs. A slot *replays*: `execute` number n gives the StreamGraph with fresh functions and never settles, so that no
 * `catch` or `finally` of the program runs; earlier calls return the results they had.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  installedPipelineExecutor,
  type JobClient,
  type JobExecutionResult,
  type JobStatusName,
  type PipelineExecutor,
  type RecordedJob,
  setPipelineExecutor,
} from '../api/executor.ts';
import type { PinnedEnvironment } from '../graph/job-graph.ts';
import { UserError } from '../shared/errors.ts';
import { readArtifactManifest } from './artifact.ts';
import { importEntryModule, importModule } from './entry-module.ts';
import { type EntryPoint, resolveEntryPoint } from './entry-point.ts';
import { outsidePinned, type PinnedRunObserver, runPinned } from './pinned-environment.ts';
import { resolveWeirToThisCopy } from './weir-resolution.ts';

/** What a run does with the program's calls; one per run. */
export interface ProgramRun {
  /** Settles when nothing of the program is wanted any more; until then it sees the pinned world. */
  readonly ended: Promise<void>;
  /** Nobody shall read again what `main` prints. */
  readonly silent?: boolean | undefined;
  readonly configuration: Readonly<Record<string, string>>;
  execute(job: RecordedJob): Promise<JobExecutionResult>;
  executeAsync(job: RecordedJob): Promise<JobClient>;
  collect(client: JobClient, resultId: string): AsyncIterable<unknown>;
  once(name: string, evaluate: () => unknown): Promise<unknown>;
}

/** What an `execute` call gave the program, for replays of later calls. */
export interface EarlierJob {
  readonly result: JobExecutionResult;
  /** As last asked for. */
  readonly status?: JobStatusName | undefined;
  /** Records that `executeAndCollect` handed over. */
  readonly collected?: readonly unknown[] | undefined;
}

export interface ProgramInvocation {
  readonly artifactDirectory: string;
  readonly entryClass?: string | undefined;
  readonly args: readonly string[];
  readonly pinned: PinnedEnvironment;
  readonly observer?: PinnedRunObserver | undefined;
}

/** The run that a call of the program belongs to, and how far the program was when the call's code was started. */
interface RunScope {
  readonly run: ProgramRun;
  readonly phase: 'import' | 'main';
  readonly progress: RunProgress;
}

interface RunProgress {
  mainStarted: boolean;
  executedInImport: boolean;
  executedJob(): void;
  stopImporting(): void;
}

const currentScope = new AsyncLocalStorage<RunScope>();

/**
 * Runs the program until its `main` returns, or its module is imported if that is all there is (or as far as the run lets it).
 * What it started and did not wait for may still execute jobs afterwards. Rejects with what the program threw.
 */
export async function runProgram(invocation: ProgramInvocation, run: ProgramRun): Promise<EntryPoint> {
  resolveWeirToThisCopy();
  installDelegatingExecutor();
  const manifest = readArtifactManifest(invocation.artifactDirectory);
  const entryOptions = { entryClass: invocation.entryClass, entryExport: manifest.entryExport, displayName: manifest.displayName };
  return runPinned(
    invocation.pinned,
    { ...invocation.observer, ownDirectory: invocation.artifactDirectory },
    async (phase) => {
      const progress: RunProgress = {
        mainStarted: false,
        executedInImport: false,
        executedJob: () => {},
        stopImporting: () => phase.importing(false),
      };
      const entry = await currentScope.run({ run, phase: 'import', progress }, async () => {
        for (const module of manifest.extraModules) await importModule(moduleUrl(invocation, module));
        process.argv = [process.argv[0] as string, join(invocation.artifactDirectory, manifest.entryModule), ...invocation.args];
        const { exports, executedJob } = importEntryModule(
          join(invocation.artifactDirectory, manifest.entryModule),
          (found) => resolveEntryPoint(found, entryOptions).kind === 'function',
        );
        progress.executedJob = executedJob;
        return resolveEntryPoint(await exports, entryOptions);
      });
      phase.importing(false);
      const named = invocation.entryClass ?? manifest.entryExport;
      if (entry.kind === 'module' || (progress.executedInImport && named === undefined)) return entry;
      progress.mainStarted = true;
      await currentScope.run({ run, phase: 'main', progress }, async () => entry.run(invocation.args));
      return entry;
    },
    run.ended,
  );
}

function moduleUrl(invocation: ProgramInvocation, module: string): string {
  return pathToFileURL(join(invocation.artifactDirectory, module)).href;
}

/** Whether the calling code belongs to a `main` whose output was shown before. */
export function inSilentRun(): boolean {
  return currentScope.getStore()?.run.silent === true;
}

/** One executor for the process: it finds the run that the calling code belongs to, also when several overlap. */
let delegating: PipelineExecutor | undefined;

function installDelegatingExecutor(): void {
  if (delegating !== undefined && installedPipelineExecutor() === delegating) return;
  const former = installedPipelineExecutor();
  delegating = {
    get configuration() {
      const scope = currentScope.getStore();
      scope?.progress.stopImporting();
      return (scope?.run ?? former)?.configuration ?? {};
    },
    execute: (job) => withRun(former, (run) => run.execute(job), noticeExecution),
    executeAsync: (job) => withRun(former, (run) => run.executeAsync(job), noticeExecution),
    collect: (client, resultId) => withRun(former, (run) => run.collect(client, resultId)),
    once: (name, evaluate) => withRun(former, (run) => run.once(name, evaluate)),
  };
  setPipelineExecutor(delegating);
}

function withRun<T>(
  former: PipelineExecutor | undefined,
  use: (run: Omit<ProgramRun, 'ended'>) => T,
  notice: (scope: RunScope) => void = () => {},
): T {
  const scope = currentScope.getStore();
  if (scope) notice(scope);
  const run = scope?.run ?? former;
  if (!run) {
    throw new UserError('NO_EXECUTOR', {
      problem: 'execute() was called outside the program.',
      found: 'The call came from a timer or callback that main did not start.',
      tryNext: ['Call execute() in main, and await it there.'],
    });
  }
  return outsidePinned(() => use(run));
}

function noticeExecution({ phase, progress }: RunScope): void {
  if (phase !== 'import') return;
  if (progress.mainStarted) {
    throw new UserError('RUN_TWICE', {
      problem: 'The module runs its program by itself when it is imported, and exports an entry point that was called too.',
      tryNext: ['Call main() only when the module is run directly: if (import.meta.main) await main(process.argv.slice(2));'],
    });
  }
  progress.executedInImport = true;
  progress.executedJob();
}
