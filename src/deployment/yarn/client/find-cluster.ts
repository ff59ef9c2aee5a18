/** The JobManager of an application: its REST endpoint is what the application master registered with. */
import type { RestEndpoint } from '../../../client/rest-client.ts';
import { UserError } from '../../../shared/errors.ts';
import type { ApplicationClientProtocol } from '../protocol/protocols.ts';
import { type ApplicationId, type ApplicationReport, isTerminal } from '../protocol/records.ts';

/** Throws UserError('APPLICATION_NOT_FOUND' | 'APPLICATION_OVER'). */
export async function runningApplication(yarn: ApplicationClientProtocol, id: ApplicationId): Promise<ApplicationReport> {
  const report = await yarn.getApplicationReport(id);
  if (!report) {
    throw new UserError('APPLICATION_NOT_FOUND', {
      problem: `Couldn't get the Yarn application ${id}: YARN does not know it.`,
      tryNext: ['yarn application -list'],
    });
  }
  if (isTerminal(report.state)) throw applicationOver(report);
  return report;
}

/** Undefined while the application has no JobManager: it starts, or is started again. */
export async function restEndpointOf(yarn: ApplicationClientProtocol, id: ApplicationId): Promise<RestEndpoint | undefined> {
  const { state, host, rpcPort } = await runningApplication(yarn, id);
  return state === 'RUNNING' && host !== undefined && rpcPort !== undefined ? { host, port: rpcPort } : undefined;
}

export function applicationOver({ applicationId, state, finalStatus, diagnostics }: ApplicationReport): UserError {
  return new UserError('APPLICATION_OVER', {
    problem: `The Yarn application ${applicationId} doesn't run anymore. It has previously completed with state ${state} and final status: ${finalStatus}.`,
    found: diagnostics === '' ? undefined : diagnostics,
    tryNext: [`yarn logs -applicationId ${applicationId}`],
  });
}
