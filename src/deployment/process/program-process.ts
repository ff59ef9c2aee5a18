/**
 * The process of one program that REST was asked to run or to plan. User code runs in a thread of it, so that this main thread
 * always hears when its JobManager wants it to end, or has ended itself. A program that runs out of heap may take this process
 * with it, and no other.
 */
import { openPortRpc } from '../../runtime/rpc/port.ts';
import { killDescendants } from './descendants.ts';
import type { ProgramProcessGateway, ProgramProcessListener } from './program-runner.ts';
import { noCoordinators, UserCodeWorker, type UserCodeWorkerOptions } from './user-code-worker.ts';

process.on('disconnect', () => {
  killDescendants();
  process.kill(process.pid, 'SIGKILL');
});
// A terminal's signals go to all its processes; the JobManager decides what they mean.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

const gateway: ProgramProcessGateway = {
  runProgram: async (request, userCode) => worker(userCode, 'a program').remote.runProgram(request),
  planProgram: async (request, userCode) => worker(userCode, 'a plan').remote.planProgram(request),
};
const { remote } = openPortRpc<ProgramProcessListener>(
  {
    postMessage: (message) => void process.send?.(message),
    on: (event, listener) => process.on(event, listener),
  },
  gateway,
);

function worker(options: UserCodeWorkerOptions, name: string): UserCodeWorker {
  return new UserCodeWorker(options, name, {
    ...noCoordinators,
    fail: (cause) => void remote.fail(cause),
    submitJob: (jobGraph, artifactPath) => remote.submitJob(jobGraph, artifactPath),
    jobStatus: (jobId) => remote.jobStatus(jobId),
    cancelJob: (jobId) => remote.cancelJob(jobId),
    jobResult: (jobId) => remote.jobResult(jobId),
    collect: (jobId, resultId) => remote.collect(jobId, resultId),
    triggerSavepoint: (jobId, directory) => remote.triggerSavepoint(jobId, directory),
    stopWithSavepoint: (jobId, options) => remote.stopWithSavepoint(jobId, options),
  });
}
