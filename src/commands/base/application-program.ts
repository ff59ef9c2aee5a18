/** Which program an application cluster runs, from what was given to standalone-job and what lies in usrlib/. */
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { installationRoot } from '../../shared/installation.ts';
import { ArgumentError } from '../arguments/argument-error.ts';

export interface ApplicationWords {
  /** An export of the program, or the program. */
  readonly jobClassname: string | undefined;
  readonly jars: string | undefined;
  readonly words: readonly string[];
}

export interface ApplicationProgram {
  readonly program: string;
  readonly entryClass: string | undefined;
  readonly args: readonly string[];
}

const programEnding = /\.([mc]?[jt]sx?|tgz|jar)$/;

/** Throws ArgumentError when it is not there, or not clear. */
export function findApplication({ jobClassname, jars, words }: ApplicationWords): ApplicationProgram {
  const namesProgram = jobClassname !== undefined && (programEnding.test(jobClassname) || jobClassname.includes('/'));
  const entryClass = namesProgram ? undefined : jobClassname;
  const named = jars ?? (namesProgram ? jobClassname : undefined);
  if (named !== undefined) return { program: existing(named), entryClass, args: words };
  const inLibrary = libraries().flatMap((library) =>
    readdirSync(library)
      .filter((name) => programEnding.test(name))
      .map((name) => join(library, name)),
  );
  if (inLibrary.length === 1) return { program: inLibrary[0] as string, entryClass, args: words };
  const [first, ...args] = words;
  if (first !== undefined && (programEnding.test(first) || existsSync(first))) return { program: existing(first), entryClass, args };
  throw new ArgumentError(
    inLibrary.length === 0 ? 'No program was given.' : `There are several programs in usrlib: ${inLibrary.join(', ')}.`,
    'Name it: standalone-job.sh start path/to/job.ts',
  );
}

/** A path, or a file of usrlib/. */
function existing(named: string): string {
  const places = [resolve(named), ...libraries().map((library) => join(library, named))];
  const found = places.find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new ArgumentError(`The program ${named} does not exist.`, `It was looked for at ${places.join(' and ')}.`);
}

/** As Flink: of the working directory, else of the installation. */
function libraries(): string[] {
  const places = [resolve('usrlib'), join(installationRoot(), 'usrlib')];
  return places.filter((path) => existsSync(path)).slice(0, 1);
}
