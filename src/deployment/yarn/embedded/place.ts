/**
 * Where the embedded resource manager of one user on one machine keeps its files: `weir.yarn.directory`.
 *
 *     rm.sock                       the socket that everybody talks to
 *     applications/<id>.json        what is known of each application
 *     appcache/<id>/<container>/    working directories, gone with the application
 *     logs/<id>/<container>/        logs, kept for a while
 */
import { chmodSync, lstatSync, mkdirSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import type { Configuration } from '../../../config/configuration.ts';
import { UserError } from '../../../shared/errors.ts';
import type { ApplicationId, ContainerId } from '../protocol/records.ts';

export interface YarnPlace {
  readonly directory: string;
  readonly socket: string;
  readonly applications: string;
  readonly appcache: string;
  readonly logs: string;
}

/** The longest path of a socket, with its closing zero (Linux; macOS has 104). */
const longestSocketPath = 103;

/** Throws UserError('YARN_DIRECTORY_TOO_LONG'). */
export function yarnPlace(config: Configuration): YarnPlace {
  const directory = config.get('weir.yarn.directory') ?? join(tmpdir(), `weir-yarn-${userInfo().username}`);
  const place = {
    directory,
    socket: join(directory, 'rm.sock'),
    applications: join(directory, 'applications'),
    appcache: join(directory, 'appcache'),
    logs: join(directory, 'logs'),
  };
  if (Buffer.byteLength(place.socket) > longestSocketPath) {
    throw new UserError('YARN_DIRECTORY_TOO_LONG', {
      problem: `The path of the resource manager's socket is too long: ${place.socket}`,
      tryNext: [`Set weir.yarn.directory to a directory whose path is shorter than ${longestSocketPath - 8} bytes.`],
    });
  }
  return place;
}

/** Whoever reaches the socket can run programs: nobody but the owner may enter. Throws UserError('YARN_DIRECTORY_UNSAFE'). */
export function prepareYarnPlace(place: YarnPlace): void {
  mkdirSync(place.directory, { recursive: true, mode: 0o700 });
  const status = lstatSync(place.directory);
  const own = process.getuid === undefined || status.uid === process.getuid();
  if (!status.isDirectory() || !own) {
    throw new UserError('YARN_DIRECTORY_UNSAFE', {
      problem: `${place.directory} is not a directory of this user: the resource manager cannot work there.`,
      tryNext: ['Set weir.yarn.directory to another directory.'],
    });
  }
  chmodSync(place.directory, 0o700);
  for (const path of [place.applications, place.appcache, place.logs]) mkdirSync(path, { recursive: true });
}

export function workingDirectory(place: YarnPlace, application: ApplicationId, container: ContainerId): string {
  return join(place.appcache, application, container);
}

export function logDirectory(place: YarnPlace, application: ApplicationId, container: ContainerId): string {
  return join(place.logs, application, container);
}
