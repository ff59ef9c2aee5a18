/** Which completed checkpoints are no longer needed, oldest first. Pure. */
import type { CheckpointProperties } from './checkpoint-properties.ts';

interface Retained {
  readonly properties: CheckpointProperties;
}

/**
 * While there are more than `limit`: the oldest goes, unless it is the newest of all, or the newest real checkpoint (a later
 * incremental one may refer to its files; newer savepoints do not replace it).
 */
export function subsumed<C extends Retained>(oldestFirst: readonly C[], limit: number): C[] {
  const latest = oldestFirst.at(-1);
  const latestCheckpoint = oldestFirst.findLast((checkpoint) => checkpoint.properties.kind !== 'savepoint');
  const removed: C[] = [];
  for (const checkpoint of oldestFirst) {
    if (oldestFirst.length - removed.length <= limit) break;
    if (checkpoint === latest) continue;
    const mayGo =
      checkpoint.properties.kind === 'savepoint' ||
      latest?.properties.stop !== undefined ||
      (latestCheckpoint !== undefined && latestCheckpoint !== checkpoint);
    if (mayGo) removed.push(checkpoint);
  }
  return removed;
}
