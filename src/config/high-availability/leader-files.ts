/**
 * Where the leader of a highly available cluster is found: `<storageDir>/<cluster-id>/epochs/`. Every leadership has a number,
 * its epoch, and files named by it; the highest number is the present one. Readers and writers share the paths here, and
 * nothing else (docs/formats/high-availability.md).
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../../shared/errors.ts';
import { fileSystemOf } from '../../shared/file-system/file-system.ts';
import { LocalFileSystem } from '../../shared/file-system/local-file-system.ts';
import type { Configuration } from '../configuration.ts';

export interface LeaderAddress {
  readonly epoch: number;
  readonly rpcHost: string;
  readonly rpcPort: number;
  readonly restHost: string;
  readonly restPort: number;
}

export type HighAvailabilityMode = 'none' | 'filesystem';

/** Throws UserError('HIGH_AVAILABILITY_NOT_AVAILABLE') for services that are not there yet. */
export function highAvailabilityMode(config: Configuration): HighAvailabilityMode {
  const type = config.get('high-availability.type').toLowerCase();
  if (type === 'none') return 'none';
  if (type === 'filesystem') return 'filesystem';
  throw new UserError('HIGH_AVAILABILITY_NOT_AVAILABLE', {
    problem: `High availability by '${type}' is not there yet.`,
    found: 'It comes from high-availability.',
    tryNext: [
      'high-availability: filesystem, with high-availability.storageDir on a disk that all JobManagers share',
      'high-availability: NONE',
    ],
  });
}

/** The directory of one cluster. Throws UserError('NO_HA_STORAGE' | 'NO_FILE_SYSTEM'). */
export function clusterDirectory(config: Configuration): string {
  const storage = config.get('high-availability.storageDir');
  if (!storage) {
    throw new UserError('NO_HA_STORAGE', {
      problem: 'Configuration is missing the mandatory parameter: high-availability.storageDir.',
      tryNext: ['high-availability.storageDir: file:///path/that/all/JobManagers/share'],
    });
  }
  const { fileSystem, path } = fileSystemOf(storage);
  if (!(fileSystem instanceof LocalFileSystem)) {
    throw new UserError('NO_FILE_SYSTEM', {
      problem: `High availability needs a directory of this machine, or one mounted there; high-availability.storageDir is ${storage}.`,
    });
  }
  const id = config.get('high-availability.cluster-id').replace(/^\/+|\/+$/g, '');
  return join(path, id === '' ? 'default' : id);
}

export function epochsDirectory(cluster: string): string {
  return join(cluster, 'epochs');
}

/** Ordered by number also as text. */
export function epochName(epoch: number): string {
  return String(epoch).padStart(19, '0');
}

export function addressFile(cluster: string, epoch: number): string {
  return join(epochsDirectory(cluster), `${epochName(epoch)}.address`);
}

/** 0 when nobody has ever led. */
export function highestEpoch(cluster: string): number {
  let highest = 0;
  for (const name of namesIn(epochsDirectory(cluster))) if (/^\d{19}$/.test(name)) highest = Math.max(highest, Number(name));
  return highest;
}

/** Undefined while nobody leads, or while a new leader is still preparing. */
export function readLeaderAddress(cluster: string): LeaderAddress | undefined {
  const epoch = highestEpoch(cluster);
  if (epoch === 0) return undefined;
  try {
    return { ...(JSON.parse(readFileSync(addressFile(cluster, epoch), 'utf8')) as Omit<LeaderAddress, 'epoch'>), epoch };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
