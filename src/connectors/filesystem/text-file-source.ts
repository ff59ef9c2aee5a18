/** Lines of text files, once. */
import type { Source } from '../../api/source.ts';
import { fileSystemOf } from '../../shared/file-system/file-system.ts';
import { SplitAtATimeReader, StaticSplitEnumerator } from '../static-splits.ts';
import { cutFiles, type FileSplit, filesOf, LineRun, nodeEncoding } from './file-splits.ts';

export function textFileSource(path: string, options: { charset?: string | undefined } = {}): Source<string, FileSplit, FileSplit[]> {
  const encoding = nodeEncoding(options.charset ?? 'UTF-8');
  // A scheme without a file system is said when the graph is built.
  fileSystemOf(path);
  return {
    boundedness: 'BOUNDED',
    emitsFreshRecords: true,
    createEnumerator: (context, checkpoint) =>
      new StaticSplitEnumerator(context, checkpoint ?? cutFiles(filesOf(path), context.currentParallelism())),
    createReader: (context) => new SplitAtATimeReader(context, (split) => new LineRun<string>(split, encoding)),
  };
}
