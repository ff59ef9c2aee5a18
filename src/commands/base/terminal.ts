/** Where a command reads its surroundings and writes its lines. Tests put in their own. */

export interface Terminal {
  /** One line on stdout: what scripts read. */
  out(line: string): void;
  /** One line on stderr: errors and hints. */
  err(line: string): void;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Somebody watches stderr, so progress may be drawn there. */
  readonly interactive: boolean;
}

export function processTerminal(): Terminal {
  return {
    out: (line) => process.stdout.write(`${line}\n`),
    err: (line) => process.stderr.write(`${line}\n`),
    environment: process.env,
    interactive: process.stderr.isTTY === true,
  };
}
