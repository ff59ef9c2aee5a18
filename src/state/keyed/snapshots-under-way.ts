/**
 * What lets the stream go on while state is written: a unit that a snapshot still needs is saved before it is touched. A touch
 * is any access that hands the unit out, changes or removes it.
 *
 * Snapshots are numbered from 1 as they begin; `version` is the newest number. A unit's version is the newest snapshot that
 * needs nothing more from it, so the check before a touch is `unit.version !== version`, and it is false for every unit
 * created or touched since the newest snapshot began, saved by its walk, or there while none ever began. Saving for a
 * snapshot always saves for the older ones that are under way as well: one number per unit is enough for several snapshots.
 */
import type { GrowingMap } from './growing-map.ts';
import type { HeapSnapshot } from './heap-snapshot.ts';
import type { MapStateEntry, StateEntry } from './state-entry.ts';
import type { Timer, TimerQueue } from './timer-queue.ts';

/** A list up to this length is saved at once when something is added to it. */
const shortList = 32;
/** A map above this size is not saved at once when it is cleared. */
const largeMap = 32;
/** Elements of a long list that are written between two looks at the clock. */
const listPart = 64;

export class SnapshotsUnderWay {
  /** How many snapshots ever began. */
  version = 0;
  /** Oldest first. */
  #underWay: readonly HeapSnapshot[] = [];

  begin(create: (version: number) => HeapSnapshot): HeapSnapshot {
    const snapshot = create(this.version + 1);
    this.version++;
    this.#underWay = [...this.#underWay, snapshot];
    return snapshot;
  }

  end(snapshot: HeapSnapshot): void {
    this.#underWay = this.#underWay.filter((other) => other !== snapshot);
  }

  abortAll(): void {
    for (const snapshot of this.#underWay) snapshot.abort();
  }

  /** Before a value, an accumulator or a list is handed out, replaced or removed. */
  beforeTouch(entry: StateEntry): void {
    this.saveEntry(entry, this.version);
  }

  beforeMapTouch(entry: StateEntry, unit: MapStateEntry): void {
    this.saveMapEntry(entry, unit, this.version);
  }

  beforeTimerTouch(queue: TimerQueue, timer: Timer): void {
    this.saveTimer(queue, timer, this.version);
  }

  /** Before something is added to the end of a list: what it has now is all that snapshots want, and need not be written yet. */
  beforeAppend(entry: StateEntry, length: number): void {
    if (length <= shortList) this.beforeTouch(entry);
    else for (const snapshot of this.#underWay) if (snapshot.version > entry.version) snapshot.fixListLength(entry, length);
  }

  /** Before a whole map is dropped: a large one is walked later, out of the program's reach. */
  beforeMapRemoval(entry: StateEntry, map: GrowingMap<MapStateEntry>): void {
    if (map.size > largeMap) {
      for (const snapshot of this.#underWay) if (snapshot.version > entry.version) snapshot.adopt(entry);
      return;
    }
    const units = map.cursor();
    for (let unit = units.next(); unit !== undefined; unit = units.next()) this.beforeMapTouch(entry, unit);
  }

  saveEntry(entry: StateEntry, upTo: number): void {
    for (const snapshot of this.#underWay) {
      if (snapshot.version > entry.version && snapshot.version <= upTo) snapshot.saveEntry(entry);
    }
    entry.version = upTo;
  }

  saveMapEntry(entry: StateEntry, unit: MapStateEntry, upTo: number): void {
    for (const snapshot of this.#underWay) {
      if (snapshot.version > unit.version && snapshot.version <= upTo) snapshot.saveMapEntry(entry, unit);
    }
    unit.version = upTo;
  }

  saveTimer(queue: TimerQueue, timer: Timer, upTo: number): void {
    for (const snapshot of this.#underWay) {
      if (snapshot.version > timer.version && snapshot.version <= upTo) snapshot.saveTimer(queue, timer);
    }
    timer.version = upTo;
  }

  /** The next part of a list for everyone who still needs it; true when all have all of it. */
  saveListPart(entry: StateEntry, upTo: number): boolean {
    let isComplete = true;
    for (const snapshot of this.#underWay) {
      if (snapshot.version <= entry.version || snapshot.version > upTo) continue;
      if (!snapshot.saveListPart(entry, listPart)) isComplete = false;
    }
    if (isComplete) this.saveEntry(entry, upTo);
    return isComplete;
  }
}
