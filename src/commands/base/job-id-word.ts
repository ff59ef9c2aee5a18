/** The job id among the free words of an action. */
import { type JobId, parseJobId } from '../../shared/ids.ts';
import { ArgumentError } from '../arguments/argument-error.ts';

export function jobIdWord(word: string | undefined, whenMissing: string): JobId {
  if (word === undefined) throw new ArgumentError(whenMissing);
  const jobId = parseJobId(word);
  if (jobId !== undefined) return jobId;
  throw new ArgumentError(
    `Cannot parse JobID from "${word}".`,
    /^[0-9a-fA-F]+$/.test(word)
      ? `A job id has 32 hex digits; this one has ${word.length}. flink list shows the ids.`
      : 'A job id has 32 hex digits, for example fd72014d4c864993a2e5a9287b4a9c5d. flink list shows them.',
  );
}

/**
 * `-s`, `-p` with an optional value swallow the word behind them; when no job id is left, that word was it.
 * Gives the directory (undefined: the default one) and the job id word.
 */
export function optionalDirectory(
  given: string | undefined,
  words: readonly string[],
): { directory?: string | undefined; word?: string | undefined } {
  if (words.length > 0) return { directory: given || undefined, word: words[0] };
  return { word: given || undefined };
}
