/**
 * Sources of a group keep together: each subtask says how far its event time has come, and is told how far it may go: as far as the
 * slowest one, and the drift. Who is idle or at its end is left out. Pure.
 */

export interface AlignmentMember {
  readonly operatorId: string;
  readonly subtaskIndex: number;
  readonly attemptNumber: number;
}

/** Undefined: idle, or at its end. */
type Report = { readonly member: AlignmentMember; readonly watermark: number | undefined };

interface Group {
  readonly reports: Map<string, Report>;
  allowed: number;
}

export class WatermarkAlignment {
  readonly #groups = new Map<string, Group>();

  /** The new bound, and who is to be told; undefined when nothing has changed but for the one who reports. */
  report(
    groupName: string,
    member: AlignmentMember,
    watermark: number | undefined,
    maxDriftMs: number,
  ): { readonly allowed: number; readonly tell: readonly AlignmentMember[] } {
    const group = this.#groupOf(groupName);
    group.reports.set(keyOf(member), { member, watermark });
    let slowest = Number.POSITIVE_INFINITY;
    for (const report of group.reports.values())
      if (report.watermark !== undefined && report.watermark < slowest) slowest = report.watermark;
    const allowed = slowest + maxDriftMs;
    const hasChanged = allowed !== group.allowed;
    group.allowed = allowed;
    return { allowed, tell: hasChanged ? Array.from(group.reports.values(), (report) => report.member) : [member] };
  }

  /** It is read from another position now. */
  forget(operatorId: string, subtaskIndex: number): void {
    for (const group of this.#groups.values()) group.reports.delete(keyOf({ operatorId, subtaskIndex, attemptNumber: 0 }));
  }

  #groupOf(name: string): Group {
    let group = this.#groups.get(name);
    if (!group) {
      group = { reports: new Map(), allowed: Number.POSITIVE_INFINITY };
      this.#groups.set(name, group);
    }
    return group;
  }
}

function keyOf({ operatorId, subtaskIndex }: AlignmentMember): string {
  return `${operatorId}/${subtaskIndex}`;
}
