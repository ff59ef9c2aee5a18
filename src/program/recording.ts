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
  type PipelineExecutor,
  type RecordedJob,
  setPipelineExecutor,
} from '../api/executor.ts';
import type { PinnedEnvironment } from '../graph/job-graph.ts';
import { UserError } from '../shared/errors.ts';
import { readArtifactManifest } from './artifact.ts';
import { type ModuleExports, resolveEntryPoint } from './entry-point.ts';
import { outsidePinned, type PinnedRunObserver, runPinned } from './pinned-environment.ts';
import { resolveWeirToThisCopy } from './weir-resolution.ts';

/** What a run does with the program's calls; one per run. */
export interface ProgramRun {
  readonly configuration: Readonly<Record<string, string>>;
  execute(job: RecordedJob): Promise<JobExecutionResult>;
  executeAsync(job: RecordedJob): Promise<JobClient>;
  collect(client: JobClient, resultId: string): AsyncIterable<unknown>;
  once(name: string, evaluate: () => unknown): Promise<unknown>;
}

export interface ProgramInvocation {
  readonly artifactDirectory: string;
  readonly entryClass?: string | undefined;
  readonly args: readonly string[];
  readonly pinned: PinnedEnvironment;
  readonly observer?: PinnedRunObserver | undefined;
}

const currentRun = new AsyncLocalStorage<ProgramRun>();

/** Runs `main` to its end (or as far as the run lets it). Rejects with what the program threw. */
export async function runProgram(invocation: ProgramInvocation, run: ProgramRun): Promise<void> {
  resolveWeirToThisCopy();
  installDelegatingExecutor();
  const manifest = readArtifactManifest(invocation.artifactDirectory);
  await currentRun.run(run, () =>
    runPinned(invocation.pinned, invocation.observer ?? {}, async (phase) => {
      for (const module of manifest.extraModules) await importModule(invocation.artifactDirectory, module);
      const exports = await importEntry(invocation, manifest.entryModule);
      phase.importing(false);
      const entry = resolveEntryPoint(exports, {
        entryClass: invocation.entryClass,
        entryExport: manifest.entryExport,
        displayName: manifest.displayName,
      });
      if (entry.kind === 'function') await entry.run(invocation.args);
    }),
  );
}

/** Modules that are programs themselves run when they are imported, so each run imports them anew. */
const scriptModules = new Set<string>();
let imports = 0;

async function importEntry(invocation: ProgramInvocation, module: string): Promise<ModuleExports> {
  const key = join(invocation.artifactDirectory, module);
  process.argv = [process.argv[0] as string, key, ...invocation.args];
  const exports = await importModule(invocation.artifactDirectory, module, scriptModules.has(key) ? `?run=${++imports}` : '');
  const entry = resolveEntryPoint(exports, { entryClass: invocation.entryClass, displayName: module });
  if (entry.kind === 'module') scriptModules.add(key);
  return exports;
}

function importModule(directory: string, module: string, query = ''): Promise<ModuleExports> {
  return import(pathToFileURL(join(directory, module)).href + query) as Promise<ModuleExports>;
}

/** One executor for the process: it finds the run that the calling code belongs to, also when several overlap. */
let delegating: PipelineExecutor | undefined;

function installDelegatingExecutor(): void {
  if (delegating !== undefined && installedPipelineExecutor() === delegating) return;
  const former = installedPipelineExecutor();
  delegating = {
    get configuration() {
      return (currentRun.getStore() ?? former)?.configuration ?? {};
    },
    execute: (job) => withRun(former, (run) => run.execute(job)),
    executeAsync: (job) => withRun(former, (run) => run.executeAsync(job)),
    collect: (client, resultId) => withRun(former, (run) => run.collect(client, resultId)),
    once: (name, evaluate) => withRun(former, (run) => run.once(name, evaluate)),
  };
  setPipelineExecutor(delegating);
}

function withRun<T>(former: PipelineExecutor | undefined, use: (run: ProgramRun) => T): T {
  const run = currentRun.getStore() ?? former;
  if (!run) {
    throw new UserError('NO_EXECUTOR', {
      problem: 'execute() was called outside the program.',
      found: 'The call came from a timer or callback that main did not start.',
      tryNext: ['Call execute() in main, and await it there.'],
    });
  }
  return outsidePinned(() => use(run));
}
