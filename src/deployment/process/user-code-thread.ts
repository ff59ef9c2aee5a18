/** A worker thread beside the JobManager for one job's user code: its split enumerators, or a `main` that is run here. */
import { openSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { installConnectors } from '../../api/connector-registry.ts';
import { loadProgram, type ProgramExecutor } from '../../client/program/load-program.ts';
import { builtInConnectors } from '../../connectors/built-in.ts';
import type { JobGraph } from '../../graph/job-graph.ts';
import { createProgramLoader } from '../../program/program-loader.ts';
import type { OperatorEvent, RunProgramRequest } from '../../runtime/rpc/gateways.ts';
import { openPortRpc } from '../../runtime/rpc/port.ts';
import { SourceCoordinators } from '../../runtime/source/job-user-code.ts';
import { type SerializedError, serializeError, UserError } from '../../shared/errors.ts';
import type { JobId, OperatorId } from '../../shared/ids.ts';
import { fileLogger } from '../../shared/logger.ts';
import { containUserCode, writeConsoleSynchronously } from './contain-user-code.ts';

export interface UserCodeThreadData {
  readonly name: string;
  readonly logFile?: string | undefined;
  readonly logLevel: string;
}

/** What the JobManager calls in the thread. */
export interface UserCodeGateway {
  startCoordinators(request: { jobGraph: JobGraph; artifactDirectory: string }): Promise<void>;
  handleEvent(operatorId: OperatorId, subtaskIndex: number, event: OperatorEvent): void;
  subtaskFailed(operatorId: OperatorId, subtaskIndex: number): void;
  /** Runs `main`; each job it executes is submitted, detached. Resolves with the first one's id. */
  runProgram(request: RunProgramRequest): Promise<JobId>;
  planProgram(request: RunProgramRequest): Promise<JobGraph>;
}

/** What the thread calls in the JobManager. */
export interface UserCodeThreadListener {
  sendEvent(operatorId: OperatorId, subtaskIndex: number, event: OperatorEvent): void;
  fail(cause: SerializedError): void;
  submitJob(request: { jobGraph: JobGraph; artifactPath: string }): Promise<void>;
}

const data = workerData as UserCodeThreadData;
const port = parentPort;
if (!port) throw new Error('user-code-thread is started by a JobManager only');

process.setSourceMapsEnabled(true);
writeConsoleSynchronously();
installConnectors(builtInConnectors);

const log = fileLogger(data.logFile === undefined ? 2 : openSync(data.logFile, 'a'), data.logLevel).of(data.name);
let coordinators: SourceCoordinators | undefined;

const gateway: UserCodeGateway = {
  async startCoordinators({ jobGraph, artifactDirectory }) {
    const program = await createProgramLoader((message) => log.warn(message))(jobGraph, artifactDirectory);
    coordinators = new SourceCoordinators(program, {
      sendEvent: (operatorId, subtaskIndex, event) => void remote.sendEvent(operatorId, subtaskIndex, event),
      fail: (cause) => void remote.fail(cause),
    });
    await coordinators.start();
  },
  handleEvent: (operatorId, subtaskIndex, event) => coordinators?.handleEvent(operatorId, subtaskIndex, event),
  subtaskFailed: (operatorId, subtaskIndex) => coordinators?.subtaskFailed(operatorId, subtaskIndex),
  async runProgram(request) {
    let first: JobId | undefined;
    const program = await load(request);
    const submit = async (jobGraph: JobGraph): Promise<{ jobId: JobId }> => {
      await remote.submitJob({ jobGraph, artifactPath: program.artifactPath });
      first ??= jobGraph.jobId;
      return { jobId: jobGraph.jobId };
    };
    const executor: ProgramExecutor = {
      execute: async (jobGraph) => ({ ...(await submit(jobGraph)), netRuntimeMs: 0, accumulators: {} }),
      executeAsync: submit,
    };
    try {
      await program.run(executor, { parallelism: request.parallelism, detached: true, jobId: request.jobId, restore: request.restore });
    } finally {
      program.dispose();
    }
    if (first === undefined) throw new UserError('NO_JOB', { problem: 'The program did not execute a job.' });
    return first;
  },
  async planProgram(request) {
    const program = await load(request);
    try {
      return await program.plan();
    } finally {
      program.dispose();
    }
  },
};
const { remote } = openPortRpc<UserCodeThreadListener>(port, gateway);
containUserCode((error) => void remote.fail(serializeError(error)));

function load(request: RunProgramRequest): ReturnType<typeof loadProgram> {
  const parallelism = request.parallelism === undefined ? {} : { 'parallelism.default': String(request.parallelism) };
  return loadProgram({
    path: request.artifactPath,
    entryClass: request.entryClass,
    classpaths: [],
    args: request.args,
    configuration: { ...request.configuration, ...parallelism },
  });
}
