/** Kills an application, and resolves when it is over. */
import type { ApplicationClientProtocol } from '../protocol/protocols.ts';
import type { ApplicationId } from '../protocol/records.ts';

const pollMs = 50;

export async function whenKilled(yarn: ApplicationClientProtocol, id: ApplicationId, diagnostics?: string): Promise<void> {
  while (!(await yarn.forceKillApplication(id, diagnostics))) await new Promise((resume) => setTimeout(resume, pollMs));
}
