import { applicationStates } from '../deployment/yarn/protocol/records.ts';
import { UserError } from '../shared/errors.ts';
import { ArgumentError } from './arguments/argument-error.ts';
import type { OptionTable } from './arguments/option-table.ts';
import { genericOptions } from './arguments/shared-options.ts';
import type { Arguments } from './base/action-command.ts';
import type { ActionDescription } from './base/action-help.ts';
import { ScriptCommand } from './base/script-command.ts';
import { yarnSurroundings } from './base/yarn-surroundings.ts';

const options = {
  list: {
    summary:
      'With application: those that wait or run. With node: the nodes. With applicationattempt and container: those of an application.',
  },
  status: { argument: 'id', summary: 'With application: the report of one. With queue: its shares.' },
  kill: { argument: 'applicationId', repeatable: true, summary: 'With application: kills it, and waits until it is gone.' },
  appStates: { argument: 'states', summary: 'With -list: applications in these states (commas; ALL).' },
  appTypes: { argument: 'types', summary: 'With -list: applications of these types (commas).' },
  appTags: { argument: 'tags', summary: 'With -list: applications with one of these tags (commas).' },
  applicationId: { argument: 'applicationId', summary: 'With logs: the application.' },
  containerId: { argument: 'containerId', summary: 'With logs: this container only.' },
  log_files: { argument: 'names', summary: 'With logs: these files only (commas).' },
  daemon: {
    argument: 'start|stop|status',
    summary: 'With the word resourcemanager: starts it, ends it with all applications, tells of it.',
  },
  D: genericOptions.D,
} as const satisfies OptionTable;
const table = { help: { short: 'h', hidden: true, summary: 'Prints this help.' }, ...options } as const satisfies OptionTable;

type YarnArguments = Arguments<typeof table>;

export class Yarn extends ScriptCommand<typeof table> {
  readonly table = table;
  readonly action: ActionDescription = {
    name: 'yarn',
    sentence: "asks YARN about applications, as Hadoop's command does.",
    syntax: '(application|app|applicationattempt|container|logs|node|queue) [OPTIONS] | --daemon (start|stop|status) resourcemanager',
    options,
    clusterHelp: 'none',
  };

  protected override async act(args: YarnArguments): Promise<void> {
    const [what] = args.words;
    if (args.options.daemon !== undefined) return this.#daemon(args, args.options.daemon);
    switch (what) {
      case 'application':
      case 'app':
        return this.#applications(args);
      case 'applicationattempt':
      case 'container':
        return this.#parts(args, what);
      case 'logs':
        return this.#logs(args);
      case 'node':
        return this.#nodes(args);
      case 'queue':
        return this.#queue(args);
      default:
        throw new ArgumentError(
          what === undefined ? 'Say what it is about.' : `yarn knows no '${what}'.`,
          'yarn application -list, yarn application -status <id>, yarn application -kill <id>, yarn logs -applicationId <id>',
        );
    }
  }

  async #applications({ options: given }: YarnArguments): Promise<void> {
    const { applicationList, applicationReport, matches } = await import('../deployment/yarn/client/application-tables.ts');
    await this.#withYarn(given.D, async (yarn) => {
      if (given.status !== undefined) {
        const report = await yarn.getApplicationReport(given.status);
        if (!report) throw notFound(given.status);
        for (const line of applicationReport(report)) this.terminal.out(line);
        return;
      }
      if (given.kill.length > 0) {
        for (const id of given.kill) await this.#kill(yarn, id);
        return;
      }
      if (!given.list) throw new ArgumentError('yarn application: say -list, -status <id> or -kill <id>.');
      const filter = {
        states: given.appStates === undefined ? ['SUBMITTED', 'ACCEPTED', 'RUNNING'] : commaList(given.appStates.toUpperCase()),
        types: commaList(given.appTypes),
        tags: commaList(given.appTags),
      };
      const unknown = filter.states.find((state) => state !== 'ALL' && !(applicationStates as readonly string[]).includes(state));
      if (unknown !== undefined)
        throw new ArgumentError(`The application state ${unknown} is invalid.`, `States: ALL, ${applicationStates.join(', ')}`);
      const reports = (await yarn.getApplications()).filter((report) => matches(report, filter));
      for (const line of applicationList(reports, filter)) this.terminal.out(line);
    });
  }

  async #kill(yarn: Yarned, id: string): Promise<void> {
    const report = await yarn.getApplicationReport(id);
    if (!report) throw notFound(id);
    if (report.finishTime > 0) return this.terminal.out(`Application ${id} has already finished `);
    this.terminal.out(`Killing application ${id}`);
    const { whenKilled } = await import('../deployment/yarn/client/when-killed.ts');
    await whenKilled(yarn, id);
    this.terminal.err(`Killed application ${id}`);
  }

  async #parts({ options: given, words }: YarnArguments, what: 'applicationattempt' | 'container'): Promise<void> {
    const [, id] = words;
    if (!given.list || id === undefined) throw new ArgumentError(`yarn ${what}: say -list <application or attempt id>.`);
    const { attemptList, containerList } = await import('../deployment/yarn/client/application-tables.ts');
    const { applicationOf } = await import('../deployment/yarn/protocol/ids.ts');
    await this.#withYarn(given.D, async (yarn) => {
      const application = id.startsWith('application_') ? id : applicationOf(id);
      if (!(await yarn.getApplicationReport(application))) throw notFound(application);
      const lines =
        what === 'container'
          ? containerList(await yarn.getContainers(application))
          : attemptList(await yarn.getApplicationAttempts(application));
      for (const line of lines) this.terminal.out(line);
    });
  }

  async #logs({ options: given }: YarnArguments): Promise<void> {
    const { applicationId, containerId } = given;
    if (applicationId === undefined) throw new ArgumentError('yarn logs: say -applicationId <id>.');
    const { containerLogs } = await import('../deployment/yarn/client/application-tables.ts');
    await this.#withYarn(given.D, async (yarn) => {
      if (!(await yarn.getApplicationReport(applicationId))) throw notFound(applicationId);
      const all = await yarn.getLogDirectories(applicationId);
      const wanted = all.filter((logs) => containerId === undefined || logs.containerId === containerId);
      const lines = wanted.flatMap((logs) => containerLogs(logs, commaList(given.log_files)));
      for (const line of lines) this.terminal.out(line);
      if (lines.length > 0) return;
      this.terminal.err(
        `Can not find any log file matching the pattern: [${given.log_files ?? 'ALL'}] for the ${containerId === undefined ? `application: ${applicationId}` : `container: ${containerId}`}`,
      );
      this.exitCode = 1;
    });
  }

  async #nodes({ options: given }: YarnArguments): Promise<void> {
    const { nodeList } = await import('../deployment/yarn/client/application-tables.ts');
    await this.#withYarn(given.D, async (yarn) => {
      for (const line of nodeList(await yarn.getClusterNodes())) this.terminal.out(line);
    });
  }

  async #queue({ options: given }: YarnArguments): Promise<void> {
    if (given.status === undefined) throw new ArgumentError('yarn queue: say -status <queue>.');
    const { queueReport } = await import('../deployment/yarn/client/application-tables.ts');
    await this.#withYarn(given.D, async (yarn) => {
      const queue = (await yarn.getQueues()).find(({ name }) => name === given.status?.replace(/^root\./, ''));
      if (!queue) {
        this.terminal.out(`Cannot get queue from RM by queueName = ${given.status}, please check.`);
        this.exitCode = 1;
        return;
      }
      for (const line of queueReport(queue)) this.terminal.out(line);
    });
  }

  async #daemon({ options: given, words }: YarnArguments, verb: string): Promise<void> {
    if (words[0] !== 'resourcemanager') throw new ArgumentError('yarn --daemon: the daemon is called resourcemanager.');
    const { connectRunningYarn, connectYarn } = await import('../deployment/yarn/client/connect-yarn.ts');
    const surroundings = yarnSurroundings(this.terminal, given.D);
    if (verb === 'start') {
      const { yarn, close } = await connectYarn(surroundings);
      this.terminal.out(`resourcemanager is running as process ${(await yarn.status()).pid}.`);
      return close();
    }
    if (verb !== 'stop' && verb !== 'status')
      throw new ArgumentError(`yarn --daemon: there is no '${verb}'.`, '--daemon start, stop or status');
    const running = await connectRunningYarn(surroundings);
    if (!running) {
      this.terminal.out('resourcemanager is not running.');
      // As Hadoop's: 1 for status, 0 for a stop that had nothing to do.
      this.exitCode = verb === 'status' ? 1 : 0;
      return;
    }
    const { pid } = await running.yarn.status();
    if (verb === 'status') {
      this.terminal.out(`resourcemanager is running as process ${pid}.`);
      return running.close();
    }
    const { isRunning } = await import('../deployment/daemon/pid-file.ts');
    // It may be gone before its answer is here.
    await running.yarn.shutDown().catch(() => {});
    while (isRunning(pid)) await new Promise((resume) => setTimeout(resume, 20));
    this.terminal.out(`resourcemanager (process ${pid}) has stopped.`);
  }

  async #withYarn(properties: readonly string[], use: (yarn: Yarned) => Promise<void>): Promise<void> {
    const { connectYarn } = await import('../deployment/yarn/client/connect-yarn.ts');
    const connection = await connectYarn(yarnSurroundings(this.terminal, properties));
    try {
      await use(connection.yarn);
    } finally {
      connection.close();
    }
  }
}

type Yarned = import('../deployment/yarn/protocol/protocols.ts').YarnProtocols;

function commaList(text: string | undefined): string[] {
  return (text ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean);
}

function notFound(id: string): UserError {
  return new UserError('APPLICATION_NOT_FOUND', {
    problem: `Application with id '${id}' doesn't exist in RM.`,
    tryNext: ['yarn application -list -appStates ALL'],
  });
}
