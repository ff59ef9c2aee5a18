/** The connectors behind the environment's and streams' short calls, as one table. */
import type { ConnectorRegistry } from '../api/connector-registry.ts';
import { collectionSource, iterableSource } from './collection/collection-source.ts';
import { textFileSink } from './filesystem/text-file-sink.ts';
import { textFileSource } from './filesystem/text-file-source.ts';
import { NumberSequenceSource } from './sequence/number-sequence-source.ts';
import { socketSink } from './socket/socket-sink.ts';
import { socketTextSource } from './socket/socket-source.ts';

export const builtInConnectors: ConnectorRegistry = {
  collection: collectionSource,
  iterable: iterableSource,
  numberSequence: (from, to) => new NumberSequenceSource(from, to),
  textFile: textFileSource,
  socketText: socketTextSource,
  textFileSink,
  socketSink,
};
