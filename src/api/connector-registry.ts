/**
 * The connectors behind `fromCollection`, `readTextFile` and their like. The API knows their contract only; the composition
 * root (src/weir.ts) puts the implementations in.
 */
import { BugError } from '../shared/assert.ts';
import type { Sink } from './sink.ts';
import type { Source, SourceSplit } from './source.ts';

// biome-ignore lint/suspicious/noExplicitAny: the split and checkpoint types are the connector's own business
type AnySource<T> = Source<T, any, any> & { readonly boundedness: Source<T, SourceSplit>['boundedness'] };

export interface TextFileSinkOptions {
  readonly overwrite: boolean;
  /** Default: as `print` shows the record. */
  readonly render?: ((value: unknown) => string) | undefined;
  /** Behind each record; default a line feed. */
  readonly delimiter?: string | undefined;
}

export interface ConnectorRegistry {
  collection<T>(values: readonly T[]): AnySource<T>;
  iterable<T>(create: (context: { readonly signal: AbortSignal }) => Iterable<T> | AsyncIterable<T>): AnySource<T>;
  numberSequence(from: number, to: number): AnySource<number>;
  textFile(path: string, options?: { charset?: string | undefined }): AnySource<string>;
  socketText(options: { host: string; port: number; delimiter?: string | undefined; maxRetry?: number | undefined }): AnySource<string>;
  textFileSink(path: string, options: TextFileSinkOptions): Sink<unknown, unknown, unknown>;
  socketSink(options: { host: string; port: number; serialize: (value: never) => string | Uint8Array }): Sink<unknown, unknown, unknown>;
}

const key = Symbol.for('weir.connectors');
const registry = globalThis as unknown as Record<symbol, ConnectorRegistry | undefined>;

export function installConnectors(connectors: ConnectorRegistry): void {
  registry[key] = connectors;
}

export function connectors(): ConnectorRegistry {
  const installed = registry[key];
  if (!installed) throw new BugError('no connectors installed: import weir, not a part of it');
  return installed;
}
