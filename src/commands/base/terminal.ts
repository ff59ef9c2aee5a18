/** Where a command reads its surroundings and writes its lines. Tests put in their own. */
import { ClientLog } from './client-log.ts';

export interface Terminal {
  /** One line on stdout: what scripts read. */
  out(line: string): void;
  /** One line on stderr: errors and hints. */
  err(line: string): void;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Somebody watches stderr, so progress may be drawn there. */
  readonly interactive: boolean;
  /** Has every line too. */
  readonly log: ClientLog;
}

export function processTerminal(): Terminal {
  const log = new ClientLog();
  return {
    out: (line) => {
      log.info(line);
      process.stdout.write(`${line}\n`);
    },
    err: (line) => {
      log.warn(line);
      process.stderr.write(`${line}\n`);
    },
    environment: process.env,
    interactive: isInteractive(),
    log,
  };
}

/** A terminal that cannot move its cursor, or has no width (some containers), shows no progress. */
function isInteractive(): boolean {
  const { isTTY, columns } = process.stderr;
  return isTTY === true && columns > 0 && process.env['TERM'] !== 'dumb' && !process.env['CI'];
}
