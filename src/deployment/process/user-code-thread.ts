/** A worker thread beside the JobManager for one job's user code: its split enumerators, or a `main` that is run here. */
import { parentPort, workerData } from 'node:worker_threads';
import { installConnectors } from '../../api/connector-registry.ts';
import { describeError, JobCancellationException } from '../../client/exception-block.ts';
import { type LoadedProgram, loadProgram } from '../../client/program/load-program.ts';
import { builtInConnectors } from '../../connectors/built-in.ts';
import type { JobGraph } from '../../graph/job-graph.ts';
import { createProgramLoader } from '../../program/program-loader.ts';
import type { RunProgramRequest } from '../../runtime/rpc/gateways.ts';
import type { JobUserCode, JobUserCodeListener } from '../../runtime/rpc/job-user-code.ts';
import { openPortRpc } from '../../runtime/rpc/port.ts';
import { SourceCoordinators } from '../../runtime/source/job-user-code.ts';
import { BugError } from '../../shared/assert.ts';
import { ExternalError, serializeError, UserError } from '../../shared/errors.ts';
import type { JobId, OperatorId } from '../../shared/ids.ts';
import { type EmbeddedDispatcher, EmbeddedExecutor } from '../embedded-executor.ts';
import { consoleWritten, containUserCode, writeConsoleSynchronously } from './contain-user-code.ts';
import { openProcessLog } from './process-log.ts';

export interface UserCodeThreadData {
  readonly name: string;
  readonly logFile?: string | undefined;
  readonly logLevel: string;
}

/** What the JobManager calls in the thread. */
export interface UserCodeGateway {
  startCoordinators(request: { jobGraph: JobGraph; artifactDirectory: string; stored: ReadonlyMap<OperatorId, Uint8Array> }): Promise<void>;
  handleEvent: JobUserCode['handleEvent'];
  subtaskFailed: JobUserCode['subtaskFailed'];
  subtaskReset: JobUserCode['subtaskReset'];
  snapshot: JobUserCode['snapshot'];
  checkpointCompleted: JobUserCode['checkpointCompleted'];
  /** Runs `main`; each job it executes is submitted, detached. Resolves with the first one's id. */
  runProgram(request: RunProgramRequest): Promise<JobId>;
  planProgram(request: RunProgramRequest): Promise<JobGraph>;
  /** Makes an application ready to run: what is wrong with the program itself is found here. */
  loadApplication(request: ApplicationRequest): Promise<void>;
  /** Runs `main` and waits for all jobs that it executes. */
  runApplication(): Promise<ApplicationOutcome>;
}

export interface ApplicationRequest extends RunProgramRequest {
  /** `execute` returns once the job is submitted. */
  readonly detached: boolean;
  /** URLs of modules that are loaded before the program. */
  readonly classpaths: readonly string[];
  readonly temporaryDirectory: string;
}

export interface ApplicationOutcome {
  readonly status: 'SUCCEEDED' | 'FAILED' | 'CANCELED';
  /** As the log shows it. */
  readonly failure?: string | undefined;
}

/** What the thread calls in the JobManager. */
export interface UserCodeThreadListener extends EmbeddedDispatcher, JobUserCodeListener {}

const data = workerData as UserCodeThreadData;
const port = parentPort;
if (!port) throw new Error('user-code-thread is started by a JobManager only');

process.setSourceMapsEnabled(true);
writeConsoleSynchronously();
installConnectors(builtInConnectors);

const log = openProcessLog(data.logFile, data.logLevel).of(data.name);
let coordinators: SourceCoordinators | undefined;
let application: { readonly request: ApplicationRequest; readonly program: LoadedProgram } | undefined;

const gateway: UserCodeGateway = {
  async startCoordinators({ jobGraph, artifactDirectory, stored }) {
    const program = await createProgramLoader((message) => log.warn(message))(jobGraph, artifactDirectory);
    coordinators = new SourceCoordinators(program, {
      sendEvent: (...event) => void remote.sendEvent(...event),
      snapshotTaken: (...snapshot) => void remote.snapshotTaken(...snapshot),
      snapshotFailed: (...failure) => void remote.snapshotFailed(...failure),
      fail: (cause) => void remote.fail(cause),
    });
    await coordinators.start(stored);
  },
  handleEvent: (...event) => coordinators?.handleEvent(...event),
  subtaskFailed: (...subtask) => coordinators?.subtaskFailed(...subtask),
  subtaskReset: (...subtask) => coordinators?.subtaskReset(...subtask),
  snapshot: (checkpointId) => coordinators?.snapshot(checkpointId),
  checkpointCompleted: (checkpointId) => coordinators?.checkpointCompleted(checkpointId),
  async runProgram(request) {
    let first: JobId | undefined;
    const program = await load(request);
    const executor = new EmbeddedExecutor({
      dispatcher: remote,
      artifactPath: program.artifactPath,
      detached: true,
      submitted: (jobId) => {
        first ??= jobId;
      },
    });
    try {
      await program.run(executor, { parallelism: request.parallelism, detached: true, jobId: request.jobId, restore: request.restore });
    } catch (error) {
      throw mainFailed(error);
    } finally {
      await consoleWritten();
      program.dispose();
    }
    if (first === undefined) throw new UserError('NO_JOB', { problem: 'The program did not execute a job.' });
    return first;
  },
  async planProgram(request) {
    const program = await load(request);
    try {
      return await program.plan();
    } catch (error) {
      throw mainFailed(error);
    } finally {
      await consoleWritten();
      program.dispose();
    }
  },
  async loadApplication(request) {
    application = { request, program: await load(request) };
  },
  async runApplication() {
    if (!application) throw new BugError('the application was not loaded');
    const { program, request } = application;
    const executor = new EmbeddedExecutor({ dispatcher: remote, artifactPath: program.artifactPath, detached: request.detached });
    try {
      await program.run(executor, request);
      await executor.awaitAll();
      return { status: 'SUCCEEDED' };
    } catch (error) {
      return { status: cancelled(error) ? 'CANCELED' : 'FAILED', failure: describeError(error) };
    } finally {
      await consoleWritten();
      program.dispose();
    }
  },
};
const { remote } = openPortRpc<UserCodeThreadListener>(port, gateway);
containUserCode((error) => void remote.fail(serializeError(error)));

/** What the program's own code threw, with its place; what Weir says about a program stays as it is. */
function mainFailed(error: unknown): unknown {
  if (error instanceof UserError || error instanceof ExternalError) return error;
  return new UserError('MAIN_FAILED', { problem: `The main method caused an error: ${describeError(error)}`, cause: error });
}

/** A job of the application was cancelled, and main did not catch that. */
function cancelled(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) if (cause instanceof JobCancellationException) return true;
  return false;
}

function load(request: RunProgramRequest & Partial<ApplicationRequest>): Promise<LoadedProgram> {
  const parallelism = request.parallelism === undefined ? {} : { 'parallelism.default': String(request.parallelism) };
  return loadProgram({
    path: request.artifactPath,
    entryClass: request.entryClass,
    classpaths: request.classpaths ?? [],
    args: request.args,
    temporaryDirectory: request.temporaryDirectory,
    configuration: { ...request.configuration, ...parallelism },
  });
}
