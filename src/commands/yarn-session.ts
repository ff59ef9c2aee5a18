import type { Configuration } from '../config/configuration.ts';
import { parseDynamicProperties } from '../config/dynamic-properties.ts';
import type { OptionSpec, OptionTable, ParsedOptions } from './arguments/option-table.ts';
import { clusterOptions, yarnOptions } from './arguments/shared-options.ts';
import type { Arguments } from './base/action-command.ts';
import type { ActionDescription } from './base/action-help.ts';
import { connectToYarnCluster, type YarnCluster, yarnClusterClient } from './base/cluster-connection.ts';
import { type ClusterOptions, loadCommandConfiguration } from './base/cluster-settings.ts';
import { ScriptCommand } from './base/script-command.ts';
import { attendSession } from './base/yarn-attendance.ts';
import { printYarnResources } from './base/yarn-resources.ts';
import { surroundingsOf } from './base/yarn-surroundings.ts';

/** The `-y…` options of `run`, without their prefix. */
const sessionOptions = Object.fromEntries(
  Object.entries(yarnOptions as OptionTable).flatMap(([key, spec]) => {
    if (key === 'yarnhelp' || key === 'yD') return [];
    const long = key.replace(/^yarn/, '');
    const bare: OptionSpec = { ...spec, short: spec.short?.replace(/^y/, ''), long };
    return [[long, bare]];
  }),
) as OptionTable;

const options: OptionTable = {
  ...sessionOptions,
  D: {
    short: 'D',
    long: null,
    argument: 'property=value',
    repeatable: true,
    property: true,
    summary: 'Sets a configuration key of the session.',
  },
  detached: { short: 'd', summary: 'Returns once the session runs.' },
};

const table: OptionTable = {
  help: { short: 'h', hidden: true, summary: 'Prints this help.' },
  yarndetached: { short: 'yd', hidden: true, summary: 'The older spelling of -d.' },
  ...options,
};

export class YarnSession extends ScriptCommand<OptionTable> {
  readonly table = table;
  override readonly wordOrder = 'stop-at-first-word';
  readonly action: ActionDescription = {
    name: 'yarn-session',
    sentence: 'starts a session cluster on YARN.',
    syntax: '[OPTIONS]',
    options,
    clusterHelp: 'none',
  };

  protected override async act({ options: given }: Arguments<OptionTable>): Promise<void> {
    const asRun = optionsOfRun(given);
    const { configuration } = await loadCommandConfiguration(asRun, this.terminal);
    this.terminal.log.open('yarn-session', this.terminal.environment, configuration);
    if (asRun.yarnquery) return printYarnResources(this.terminal, configuration);
    const detached = asRun.yarndetached || given['detached'] === true;
    const joins = configuration.has('yarn.application.id');
    const cluster = joins ? await connectToYarnCluster(configuration, this.terminal) : await this.#start(configuration, asRun.D);
    if (detached) return this.#explainDetached(cluster.applicationId);
    this.exitCode = await attendSession({ ...cluster, configuration, terminal: this.terminal, joins });
  }

  async #start(configuration: Configuration, properties: readonly string[]): Promise<YarnCluster> {
    const [{ connectYarn }, { deploy }, { restEndpointOf }, { writeYarnProperties }] = await Promise.all([
      import('../deployment/yarn/client/connect-yarn.ts'),
      import('../deployment/yarn/client/deployment.ts'),
      import('../deployment/yarn/client/find-cluster.ts'),
      import('../deployment/yarn/client/properties-file.ts'),
    ]);
    const surroundings = surroundingsOf(this.terminal, configuration);
    const { yarn } = await connectYarn(surroundings);
    const abort = new AbortController();
    const interrupt = (): void => abort.abort(new Error('Starting the session was interrupted; the application was killed.'));
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, interrupt);
    const report = await deploy({ target: 'yarn-session', surroundings, yarn, signal: abort.signal });
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, interrupt);
    const { applicationId } = report;
    this.terminal.out(`JobManager Web Interface: ${report.trackingUrl}`);
    writeYarnProperties(configuration, applicationId, parseDynamicProperties([...properties]));
    return { applicationId, client: yarnClusterClient(configuration, () => restEndpointOf(yarn, applicationId)) };
  }

  #explainDetached(applicationId: string): void {
    for (const line of [
      'The Flink YARN session cluster has been started in detached mode. In order to stop Flink gracefully, use the following command:',
      `$ echo "stop" | ./bin/yarn-session.sh -id ${applicationId}`,
      "If this should not be possible, then you can also kill Flink via YARN's web interface or via:",
      `$ yarn application -kill ${applicationId}`,
      'Note that killing Flink might not clean up all job artifacts and temporary files.',
    ])
      this.terminal.err(line);
  }
}

/** As `run` would have got them. The ship option is -t here, so there is no target. */
function optionsOfRun(given: ParsedOptions<OptionTable>): ClusterOptions {
  const asRun: Record<string, unknown> = {};
  for (const [key, spec] of Object.entries(clusterOptions as OptionTable))
    asRun[key] = spec.argument === undefined ? false : spec.repeatable ? [] : undefined;
  for (const key of Object.keys(yarnOptions)) asRun[key] = given[key.replace(/^yarn/, '')] ?? asRun[key];
  asRun['yarndetached'] = given['yarndetached'] === true;
  asRun['D'] = given['D'];
  // Without this key, the properties file of an earlier session would lead there.
  asRun['target'] = 'yarn-session';
  asRun['jobmanager'] = 'yarn-cluster';
  return asRun as unknown as ClusterOptions;
}
