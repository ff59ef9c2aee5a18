/**
 * What every daemon's process does around its work: reads its command line and configuration, opens its log, announces that
 * it is ready, and ends in an orderly way at SIGTERM, when its supervisor vanishes, or when its work is over.
 */
import { setFlagsFromString } from 'node:v8';
import { checkConfiguration } from '../../config/check-configuration.ts';
import { type Configuration, isSensitive } from '../../config/configuration.ts';
import { parseDynamicProperties } from '../../config/dynamic-properties.ts';
import { configurationDirectory, loadConfiguration } from '../../config/load-configuration.ts';
import { reportKeys } from '../../config/report-keys.ts';
import { observeCollections } from '../../runtime/metrics/thread-report.ts';
import { ExternalError, UserError } from '../../shared/errors.ts';
import { buildCommit, installationRoot, weirVersion } from '../../shared/installation.ts';
import { fileLogger, type Logger } from '../../shared/logger.ts';
import { announceReady, logConsoleVariable, logFile, watchSupervisor } from '../daemon/supervised-process.ts';
import { openProcessLog } from './process-log.ts';

export interface ProcessContext {
  readonly config: Configuration;
  readonly log: Logger;
  readonly logLevel: string;
  /** Undefined: the log goes to stderr only. */
  readonly logFile: string | undefined;
  /** Where stdout and stderr go, when that is a file. */
  readonly stdoutFile: string | undefined;
  /** What stood behind `--` on the command line: it belongs to the user's program. */
  readonly programArguments: readonly string[];
  /** The process can do its work. */
  ready(): void;
  /** Ends the process, in an orderly way, with this code. */
  end(code: number): void;
}

export interface RunningProcess {
  close(): Promise<void>;
}

/** An orderly end that takes longer has failed. */
const closePatienceMs = 8000;

export async function runProcess(
  name: string,
  start: (context: ProcessContext) => Promise<RunningProcess>,
  flags: Readonly<Record<string, string>> = {},
): Promise<void> {
  let running: RunningProcess | undefined;
  let log: Logger = fileLogger(2, 'INFO');
  let ending = false;
  const end = (code: number): void => {
    if (ending) return;
    ending = true;
    setTimeout(() => process.exit(code || 1), closePatienceMs).unref();
    void Promise.resolve(running?.close())
      .catch((error: unknown) => log.error('The process did not end in good order.', error))
      .then(() => process.exit(code));
  };
  limitMainThreadOnly();
  try {
    const words = parseProcessWords(process.argv.slice(2), flags);
    const { configuration, warnings } = loadConfiguration({
      directory: words.configDir ?? configurationDirectory(process.env, installationRoot()),
      environment: process.env,
      dynamicProperties: words.properties,
      flags: words.flags,
    });
    const file = logFile();
    const logLevel = configuration.getText('env.log.level') ?? 'INFO';
    log = openProcessLog(file, logLevel).of(name);
    const { unknown, noted } = reportKeys(configuration);
    logBeginning(log, name, configuration, [...warnings, ...unknown, ...noted]);
    checkConfiguration(configuration);
    process.on('uncaughtException', (error) => die(error, log));
    process.on('unhandledRejection', (error) => die(error, log));
    observeCollections();
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        log.info(`${signal} received, shutting down.`);
        end(0);
      });
    }
    const stdoutFile = process.env[logConsoleVariable] ? undefined : file?.replace(/\.log$/, '.out');
    const { programArguments } = words;
    running = await start({ config: configuration, log, logLevel, logFile: file, stdoutFile, programArguments, ready: announceReady, end });
    watchSupervisor(() => {
      log.warn('The supervisor is gone, shutting down.');
      end(1);
    });
  } catch (error) {
    die(error, log);
  }
}

/**
 * The heap of the main thread has been sized by V8's options by now. Left set, they would also override the `resourceLimits`
 * of every worker thread.
 */
function limitMainThreadOnly(): void {
  for (const option of ['max-old-space-size', 'max-semi-space-size']) setFlagsFromString(`--${option}=0`);
}

/** A failure of the process itself, for the log and for whoever started it. Only of a bug the stack is of use. */
function die(error: unknown, log: Logger): never {
  const known = error instanceof UserError || error instanceof ExternalError;
  const words = known ? error.message : error instanceof Error ? error.stack : String(error);
  log.error(`The process cannot go on.\n${words}`);
  process.stderr.write(`${words}\n`);
  process.exit(1);
}

function logBeginning(log: Logger, name: string, configuration: Configuration, warnings: readonly string[]): void {
  log.info(
    `Starting ${name}: Weir ${weirVersion()}${buildCommit() ? ` (${buildCommit()})` : ''}, Node.js ${process.version}, pid ${process.pid}.`,
  );
  for (const warning of warnings) log.warn(warning);
  for (const [key, value] of Object.entries(configuration.toRecord()).sort()) {
    log.info(`Loading configuration property: ${key}, ${isSensitive(key) ? '******' : value}`);
  }
}

interface ProcessWords {
  readonly configDir: string | undefined;
  readonly properties: Readonly<Record<string, string>>;
  readonly flags: Readonly<Record<string, string>>;
  readonly programArguments: readonly string[];
}

/** `flags` maps an option of this process to the key that it sets. Unknown words are ignored, as Flink does. */
function parseProcessWords(argv: readonly string[], flags: Readonly<Record<string, string>>): ProcessWords {
  const properties: string[] = [];
  const set: Record<string, string> = {};
  let configDir: string | undefined;
  let programArguments: readonly string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] as string;
    if (word === '--') {
      programArguments = argv.slice(i + 1);
      break;
    }
    if (word === '-D') properties.push(argv[++i] ?? '');
    else if (word.startsWith('-D')) properties.push(word.slice(2));
    else if (word === '--configDir' || word === '-c') configDir = argv[++i];
    else if (word in flags) set[flags[word] as string] = argv[++i] ?? '';
  }
  return { configDir, properties: parseDynamicProperties(properties), flags: set, programArguments };
}
