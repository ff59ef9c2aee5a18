/**
 * Which splits were given to which subtask since which checkpoint, so that a subtask that restarts from an older state gives
 * back what it had not got then. Pure.
 */
export class SplitAssignments<Split> {
  /** Given since the last snapshot. */
  #latest = new Map<number, Split[]>();
  /** Given between the snapshot before and this one; ascending. */
  readonly #byCheckpoint = new Map<number, Map<number, Split[]>>();

  assigned(subtaskIndex: number, splits: readonly Split[]): void {
    const given = this.#latest.get(subtaskIndex);
    if (given) given.push(...splits);
    else this.#latest.set(subtaskIndex, [...splits]);
  }

  snapshotTaken(checkpointId: number): void {
    this.#byCheckpoint.set(checkpointId, this.#latest);
    this.#latest = new Map();
  }

  /** What was given before is in the state of the readers now, for good. */
  checkpointCompleted(checkpointId: number): void {
    for (const id of this.#byCheckpoint.keys()) if (id <= checkpointId) this.#byCheckpoint.delete(id);
  }

  /** Splits the subtask does not have when it starts from that checkpoint; undefined: from nothing. They count as not given. */
  takeBack(subtaskIndex: number, restoredCheckpointId: number | undefined): Split[] {
    const back: Split[] = [];
    const take = (given: Map<number, Split[]>): void => {
      back.push(...(given.get(subtaskIndex) ?? []));
      given.delete(subtaskIndex);
    };
    for (const [id, given] of this.#byCheckpoint) if (id > (restoredCheckpointId ?? -1)) take(given);
    take(this.#latest);
    return back;
  }
}
