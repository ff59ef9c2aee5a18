/** What the commands that start and stop processes share: the place of the daemons, and the command line of each. */
import { checkConfiguration } from '../../config/check-configuration.ts';
import { parseDynamicProperties } from '../../config/dynamic-properties.ts';
import { configurationDirectory, type LoadedConfiguration, loadConfiguration } from '../../config/load-configuration.ts';
import { reportKeys } from '../../config/report-keys.ts';
import { type DaemonCommand, daemonCommand } from '../../deployment/daemon/daemon-command.ts';
import { DaemonControl } from '../../deployment/daemon/daemon-control.ts';
import { type DaemonName, daemonPlace } from '../../deployment/daemon/daemon-place.ts';
import { installationRoot } from '../../shared/installation.ts';
import { progressOf } from './progress.ts';
import type { Terminal } from './terminal.ts';

const taskManagerPatienceMs = 10_000;

export class Daemons {
  readonly control: DaemonControl;
  readonly configurationDirectory: string;
  readonly loaded: LoadedConfiguration;
  readonly #terminal: Terminal;
  readonly #properties: readonly string[];
  #checked = false;

  /** `properties` are the words of `-D`; `flags` are keys that own options set. */
  constructor(terminal: Terminal, properties: readonly string[] = [], flags: Readonly<Record<string, string>> = {}) {
    const { environment } = terminal;
    this.#terminal = terminal;
    this.#properties = properties;
    this.configurationDirectory = configurationDirectory(environment, installationRoot());
    this.loaded = loadConfiguration({
      directory: this.configurationDirectory,
      environment,
      dynamicProperties: parseDynamicProperties([...properties]),
      flags,
    });
    for (const warning of this.loaded.warnings) terminal.err(`WARNING: ${warning}`);
    this.control = new DaemonControl({
      place: daemonPlace(environment, this.loaded.configuration, installationRoot()),
      environment,
      installation: installationRoot(),
      print: (line) => terminal.out(line),
      explain: (line) => terminal.err(line),
    });
  }

  /** `extra` stands behind the dynamic properties on the command line of the process. */
  command(daemon: DaemonName, extra: readonly string[] = []): DaemonCommand {
    this.#check();
    return daemonCommand({
      daemon,
      installation: installationRoot(),
      configurationDirectory: this.configurationDirectory,
      configuration: this.loaded.configuration,
      environment: this.#terminal.environment,
      arguments: [...this.#properties.flatMap((property) => ['-D', property]), ...extra],
    });
  }

  /** What the process would refuse is found before anything runs; what it would only mention shows where it can be mended. */
  #check(): void {
    if (this.#checked) return;
    this.#checked = true;
    checkConfiguration(this.loaded.configuration);
    for (const line of reportKeys(this.loaded.configuration).unknown) this.#terminal.err(`WARNING: ${line}`);
  }

  /** Does what a script's verb says; the exit code, or undefined for an unknown verb. */
  async perform(verb: string | undefined, daemon: DaemonName, extra: readonly string[] = []): Promise<number | undefined> {
    switch (verb) {
      case 'start':
        return this.#start(daemon, extra);
      case 'start-foreground':
        return this.control.startForeground(daemon, this.command(daemon, extra));
      case 'stop':
        return this.control.stop(daemon);
      case 'stop-all':
        return this.control.stopAll(daemon);
      default:
        return undefined;
    }
  }

  /** A TaskManager may be started before its JobManager: nobody waits long for that. */
  async #start(daemon: DaemonName, extra: readonly string[]): Promise<number> {
    const started = await this.control.launch(daemon, this.command(daemon, extra));
    const stopProgress = progressOf(this.#terminal)(`Waiting until ${daemon} is ready`);
    try {
      return await this.control.awaitReady(started, daemon === 'taskexecutor' ? taskManagerPatienceMs : undefined);
    } finally {
      stopProgress();
    }
  }
}
