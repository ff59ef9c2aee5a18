/** Where a call frame of built code stands in the sources, by the source map beside the built file. */
import { existsSync, readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CallFrame } from './cpu-profile.ts';

/** Of the urls of generated chains. */
const generatedPrefix = 'weir-chain/';

export class SourcePositions {
  readonly #maps = new Map<string, SourceMap | undefined>();

  /** `job.ts:12:3`; the names of job and vertex for a generated chain; '' for what has neither. */
  place({ url, lineNumber, columnNumber }: CallFrame): string {
    if (url === '' || lineNumber < 0) return '';
    if (url.startsWith(generatedPrefix)) return chainName(url);
    const entry = this.#map(url)?.findEntry(lineNumber, columnNumber);
    if (entry && 'originalSource' in entry)
      return `${basename(entry.originalSource)}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
    return `${basename(decoded(url))}:${lineNumber + 1}:${columnNumber + 1}`;
  }

  #map(url: string): SourceMap | undefined {
    if (!this.#maps.has(url)) this.#maps.set(url, readMap(url));
    return this.#maps.get(url);
  }
}

function readMap(url: string): SourceMap | undefined {
  try {
    const file = `${fileURLToPath(url)}.map`;
    return existsSync(file) ? new SourceMap(JSON.parse(readFileSync(file, 'utf8'))) : undefined;
  } catch {
    // Generated code has no file, and a broken map is as good as none.
    return undefined;
  }
}

/** `job/vertex`: the attempt behind them would keep equal chains apart. */
function chainName(url: string): string {
  return decoded(url)
    .slice(generatedPrefix.length)
    .replace(/\/[^/]*$/, '');
}

function decoded(url: string): string {
  try {
    return decodeURIComponent(url);
  } catch {
    return url;
  }
}
