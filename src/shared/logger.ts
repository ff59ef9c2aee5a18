/** The log of a process: one line an entry, in the layout Flink's log files have. */
import { writeSync } from 'node:fs';

export type LogLevel = 'DEBUG' | 'INFO' | 'WARN' | 'ERROR';
const order: readonly LogLevel[] = ['DEBUG', 'INFO', 'WARN', 'ERROR'];

export interface Logger {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string, error?: unknown): void;
  error(message: string, error?: unknown): void;
  /** A logger that names another component. */
  of(component: string): Logger;
}

export class LineLogger implements Logger {
  readonly #component: string;
  readonly #threshold: number;
  readonly #write: (line: string) => void;

  constructor(component: string, level: string, write: (line: string) => void) {
    this.#component = component;
    this.#threshold = Math.max(0, order.indexOf(level.toUpperCase() as LogLevel));
    this.#write = write;
  }

  debug(message: string): void {
    this.#log('DEBUG', message);
  }

  info(message: string): void {
    this.#log('INFO', message);
  }

  warn(message: string, error?: unknown): void {
    this.#log('WARN', message, error);
  }

  error(message: string, error?: unknown): void {
    this.#log('ERROR', message, error);
  }

  of(component: string): Logger {
    return new LineLogger(component, order[this.#threshold] as string, this.#write);
  }

  #log(level: LogLevel, message: string, error?: unknown): void {
    if (order.indexOf(level) < this.#threshold) return;
    const detail = error === undefined ? '' : `\n${error instanceof Error ? error.stack : String(error)}`;
    this.#write(`${timestamp(new Date())} ${level.padEnd(5)} ${this.#component.padEnd(40)} [] - ${message}${detail}\n`);
  }
}

export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {}, of: () => silentLogger };

/** Appends synchronously to each descriptor: what was logged before a crash is in the file. */
export function fileLogger(descriptors: number | readonly number[], level: string): Logger {
  return new LineLogger('weir', level, (line) => {
    for (const descriptor of typeof descriptors === 'number' ? [descriptors] : descriptors) {
      try {
        writeSync(descriptor, line);
      } catch {
        // A full disk must not take the process down with it.
      }
    }
  });
}

function timestamp(date: Date): string {
  const two = (n: number): string => String(n).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())},${String(date.getMilliseconds()).padStart(3, '0')}`;
}
