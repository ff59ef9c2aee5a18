/** Where a configuration value came from, so that an error or `flink config` can say it. */

export type OriginSource = 'file' | '-D' | 'flag' | 'environment';

export interface Origin {
  readonly source: OriginSource;
  readonly file?: string | undefined;
  readonly line?: number | undefined;
}

export function describeOrigin(origin: Origin): string {
  switch (origin.source) {
    case 'file':
      return origin.line === undefined ? String(origin.file) : `${origin.file}:${origin.line}`;
    case '-D':
      return 'command line (-D)';
    case 'flag':
      return 'command line';
    case 'environment':
      return `environment variable ${origin.file}`;
  }
}
