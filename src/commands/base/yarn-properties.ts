/** The session that yarn-session left in its properties file: commands that are not told where to go go there, and say so. */
import type { Configuration } from '../../config/configuration.ts';
import { readYarnProperties } from '../../deployment/yarn/client/properties-file.ts';
import type { Terminal } from './terminal.ts';
import { surroundingsOf } from './yarn-surroundings.ts';

export interface PropertiesSession {
  readonly connection: Readonly<Record<string, string>>;
  /** What the session was started with; -D wins over it. */
  readonly properties: Readonly<Record<string, string>>;
}

/** Undefined when there is no file, or when it leads nowhere: that is told. */
export async function sessionOfProperties(configuration: Configuration, terminal: Terminal): Promise<PropertiesSession | undefined> {
  const found = readYarnProperties(configuration);
  if (!found) return undefined;
  if ('broken' in found) {
    terminal.err(`WARNING: ${found.broken}`);
    return undefined;
  }
  const { file, applicationId, dynamicProperties } = found;
  const { connectRunningYarn } = await import('../../deployment/yarn/client/connect-yarn.ts');
  const connection = await connectRunningYarn(surroundingsOf(terminal, configuration));
  const report = await connection?.yarn.getApplicationReport(applicationId);
  connection?.close();
  if (!report || report.finishTime > 0) {
    const how = report ? `it has ended (${report.state}, ${report.finalStatus})` : 'the resource manager does not know it, or does not run';
    terminal.err(`WARNING: The Yarn properties file ${file} points to application ${applicationId}, which does not run: ${how}.`);
    terminal.err('The file is ignored. Delete it, or start a session that replaces it: yarn-session.sh -d');
    return undefined;
  }
  terminal.err(
    `Found Yarn properties file under ${file}: the command goes to application ${applicationId}. -m host:port or -t choose another cluster.`,
  );
  return { connection: { 'yarn.application.id': applicationId, 'execution.target': 'yarn-session' }, properties: dynamicProperties };
}
