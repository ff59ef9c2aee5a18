/**
 * How a task spent its time, in milliseconds: busy, idle (nothing to do) or back-pressured (an output takes nothing). At any
 * moment it is in exactly one of them, so the three add up to the time since the start. A task that could go on and waits for
 * its slot's thread is busy: the thread is what it lacks.
 */
export type TaskActivity = 'busy' | 'idle' | 'backPressured';

export interface TaskTimesReport {
  readonly busyMs: number;
  readonly idleMs: number;
  readonly backPressuredMs: number;
}

export class TaskTimes {
  #activity: TaskActivity | undefined;
  #since = 0;
  readonly #spent: Record<TaskActivity, number> = { busy: 0, idle: 0, backPressured: 0 };

  /** Nothing is counted before the first call. */
  become(activity: TaskActivity, nowMs: number): void {
    if (activity === this.#activity) return;
    if (this.#activity !== undefined) this.#spent[this.#activity] += nowMs - this.#since;
    this.#activity = activity;
    this.#since = nowMs;
  }

  report(nowMs: number): TaskTimesReport {
    const running = (activity: TaskActivity): number =>
      Math.round(this.#spent[activity] + (activity === this.#activity ? nowMs - this.#since : 0));
    return { busyMs: running('busy'), idleMs: running('idle'), backPressuredMs: running('backPressured') };
  }
}
