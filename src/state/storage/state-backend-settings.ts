/**
 * Where state lives and where its snapshots go, read from the configuration as Flink reads it: `state.backend` still takes
 * the old names that meant both.
 */
import type { Configuration } from '../../config/configuration.ts';
import { UserError } from '../../shared/errors.ts';

export interface StateBackendSettings {
  readonly backend: 'hashmap';
  /** `filesystem`: in files below `checkpointDirectory`; `jobmanager`: in the JobManager's memory. */
  readonly storage: 'filesystem' | 'jobmanager';
  /** As it was configured, a path or URI. Beside `jobmanager` storage it takes the metadata alone. */
  readonly checkpointDirectory: string | undefined;
  /** False: checkpoints lie in the checkpoint directory itself, beside those of other jobs. */
  readonly ownSubdirectory: boolean;
}

/** Throws UserError('UNKNOWN_STATE_BACKEND' | 'STATE_BACKEND_NOT_AVAILABLE' | 'UNKNOWN_CHECKPOINT_STORAGE' | 'NO_CHECKPOINT_DIRECTORY'). */
export function readStateBackend(config: Configuration): StateBackendSettings {
  const checkpointDirectory = config.get('execution.checkpointing.dir') || undefined;
  const storage = storageOf(config, checkpointDirectory);
  if (storage === 'filesystem' && checkpointDirectory === undefined) {
    throw new UserError('NO_CHECKPOINT_DIRECTORY', {
      problem:
        "Checkpoints are to go to a file system, and the configuration does not specify the checkpoint directory 'state.checkpoints.dir'.",
      tryNext: ['state.checkpoints.dir: file:///path/that/all/machines/see'],
    });
  }
  return { backend: 'hashmap', storage, checkpointDirectory, ownSubdirectory: config.get('execution.checkpointing.create-subdir') };
}

function storageOf(config: Configuration, directory: string | undefined): StateBackendSettings['storage'] {
  const older = olderMeaning(config.get('state.backend.type'));
  const configured = config.get('execution.checkpointing.storage')?.toLowerCase();
  if (configured === undefined) return older ?? (directory === undefined ? 'jobmanager' : 'filesystem');
  if (configured === 'filesystem' || configured === 'jobmanager') return configured;
  throw new UserError('UNKNOWN_CHECKPOINT_STORAGE', {
    problem: `'${configured}' is no checkpoint storage.`,
    found: 'It comes from execution.checkpointing.storage (state.checkpoint-storage).',
    tryNext: ['state.checkpoint-storage: filesystem', 'state.checkpoint-storage: jobmanager'],
  });
}

/** The names of before 1.13 said where snapshots go; undefined: nothing is said. */
function olderMeaning(backend: string): StateBackendSettings['storage'] | undefined {
  switch (backend.toLowerCase()) {
    case 'hashmap':
      return undefined;
    case 'jobmanager':
    case 'memory':
      return 'jobmanager';
    case 'filesystem':
    case 'org.apache.flink.runtime.state.filesystem.fsstatebackendfactory':
      return 'filesystem';
    case 'rocksdb':
    case 'org.apache.flink.contrib.streaming.state.rocksdbstatebackendfactory':
      throw new UserError('STATE_BACKEND_NOT_AVAILABLE', {
        problem: `The state backend '${backend}' is not there yet.`,
        found: 'It comes from state.backend.',
        tryNext: ['state.backend: hashmap'],
      });
    default:
      throw new UserError('UNKNOWN_STATE_BACKEND', {
        problem: `'${backend}' is no state backend.`,
        found: 'It comes from state.backend.',
        tryNext: ['state.backend: hashmap'],
      });
  }
}
