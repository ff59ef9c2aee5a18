/** What `yarn-session -q` and `run -yq` print: live figures of the nodes and queues. */
import type { Configuration } from '../../config/configuration.ts';
import type { Terminal } from './terminal.ts';
import { surroundingsOf } from './yarn-surroundings.ts';

export async function printYarnResources(terminal: Terminal, configuration: Configuration): Promise<void> {
  const [{ connectYarn }, { clusterDescription }] = await Promise.all([
    import('../../deployment/yarn/client/connect-yarn.ts'),
    import('../../deployment/yarn/client/application-tables.ts'),
  ]);
  const { yarn, close } = await connectYarn(surroundingsOf(terminal, configuration));
  for (const line of clusterDescription(await yarn.getClusterNodes(), await yarn.getQueues())) terminal.out(line);
  close();
}
