import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  CheckpointRequestDecider,
  type DecidableRequest,
  type DeciderFacts,
  type Decision,
} from '../../../src/runtime/checkpoint/checkpoint-request-decider.ts';

let sequence = 0;
const request = (facts: Partial<DecidableRequest> = {}): DecidableRequest => ({
  kind: 'checkpoint',
  forced: false,
  periodic: true,
  sequence: ++sequence,
  ...facts,
});
const savepoint = (forced = true) => request({ kind: 'savepoint', periodic: false, forced });
const now = (facts: Partial<DeciderFacts> = {}): DeciderFacts => ({
  nowMs: 10_000,
  isTriggering: false,
  pendingCount: 0,
  cleaningCount: 0,
  lastCompletionMs: 0,
  ...facts,
});

test('an idle coordinator starts a request at once', () => {
  const decider = new CheckpointRequestDecider({ maxConcurrent: 1, minPauseMs: 0 });
  const periodic = request();
  expect(decider.submit(periodic, now())).toEqual({ start: periodic, refused: [], rearmAfterMs: undefined });
});

describe('while as many are pending as may be', () => {
  test('a periodic request waits, and starts when one completes', () => {
    const decider = new CheckpointRequestDecider({ maxConcurrent: 2, minPauseMs: 0 });
    const waiting = request();
    expect(decider.submit(waiting, now({ pendingCount: 2 })).start).toBeUndefined();
    expect(decider.choose(now({ pendingCount: 1 })).start).toBe(waiting);
  });

  test('a forced savepoint starts, an unforced one waits before the checkpoints', () => {
    const decider = new CheckpointRequestDecider({ maxConcurrent: 1, minPauseMs: 0 });
    const [checkpoint, unforced, forced] = [request(), savepoint(false), savepoint(true)];
    decider.submit(checkpoint, now({ pendingCount: 1 }));
    expect(decider.submit(unforced, now({ pendingCount: 1 })).start).toBeUndefined();
    expect(decider.submit(forced, now({ pendingCount: 1 })).start).toBe(forced);
    expect(decider.queued).toEqual([unforced, checkpoint]);
  });
});

test('nothing starts during another trigger phase', () => {
  const decider = new CheckpointRequestDecider({ maxConcurrent: 1, minPauseMs: 0 });
  const forced = savepoint();
  expect(decider.submit(forced, now({ isTriggering: true })).start).toBeUndefined();
  expect(decider.choose(now()).start).toBe(forced);
});

test('slow deletion of old checkpoints holds back new ones, forced or not', () => {
  const decider = new CheckpointRequestDecider({ maxConcurrent: 1, minPauseMs: 0 });
  const forced = savepoint();
  expect(decider.submit(forced, now({ cleaningCount: 2 })).start).toBeUndefined();
  expect(decider.choose(now({ cleaningCount: 1 })).start).toBe(forced);
});

describe('minimum pause', () => {
  const limits = { maxConcurrent: 1, minPauseMs: 500 };

  test('a periodic request that comes too early is refused, and the timer fires after exactly the rest', () => {
    const early = request();
    const decision = new CheckpointRequestDecider(limits).submit(early, now({ nowMs: 10_000, lastCompletionMs: 9800 }));
    expect(decision).toEqual({
      start: undefined,
      refused: [{ request: early, reason: 'MINIMUM_TIME_BETWEEN_CHECKPOINTS' }],
      rearmAfterMs: 300,
    });
  });

  test.each([
    ['when the pause has just passed', request(), 9500],
    ['a checkpoint a person asked for', request({ periodic: false }), 9999],
    ['a savepoint', savepoint(), 9999],
  ])('does not hold back %s', (_what, wanted, lastCompletionMs) => {
    expect(new CheckpointRequestDecider(limits).submit(wanted, now({ lastCompletionMs })).start).toBe(wanted);
  });
});

describe('a full queue', () => {
  const full = (entries: readonly DecidableRequest[]) => {
    const decider = new CheckpointRequestDecider({ maxConcurrent: 1, minPauseMs: 0, maxQueued: 3 });
    for (const entry of entries) decider.submit(entry, now({ isTriggering: true }));
    return decider;
  };

  test('of what people asked for refuses the newcomer', () => {
    const decider = full([savepoint(), savepoint(), savepoint()]);
    const newcomer = savepoint();
    expect(decider.submit(newcomer, now()).refused).toEqual([{ request: newcomer, reason: 'TOO_MANY_CHECKPOINT_REQUESTS' }]);
  });

  test('drops a periodic request for one of a person', () => {
    const periodic = request();
    const decider = full([periodic, savepoint(), savepoint()]);
    const newcomer = savepoint();
    expect(decider.submit(newcomer, now({ isTriggering: true })).refused.map((refused) => refused.request)).toEqual([periodic]);
    expect(decider.queued).toContain(newcomer);
  });
});

test('every request ends once, in order, within the limits, and a person’s is not dropped for a periodic one', () => {
  const step = fc.record({
    submit: fc.constantFrom(
      undefined,
      { kind: 'checkpoint' as const, forced: false, periodic: true },
      { kind: 'checkpoint' as const, forced: false, periodic: false },
      { kind: 'savepoint' as const, forced: false, periodic: false },
      { kind: 'savepoint' as const, forced: true, periodic: false },
    ),
    isTriggering: fc.boolean(),
    pendingCount: fc.nat(3),
    cleaningCount: fc.nat(4),
    elapsedMs: fc.nat(80),
    completes: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 3 }), fc.nat(100), (steps, maxConcurrent, minPauseMs) => {
      const maxQueued = 4;
      const decider = new CheckpointRequestDecider({ maxConcurrent, minPauseMs, maxQueued });
      // The model: an unsorted bag.
      let waiting: DecidableRequest[] = [];
      let nowMs = 0;
      let lastCompletionMs = 0;
      for (const { submit, isTriggering, pendingCount, cleaningCount, elapsedMs, completes } of steps) {
        nowMs += elapsedMs;
        if (completes) lastCompletionMs = nowMs;
        const facts = now({ nowMs, isTriggering, pendingCount, cleaningCount, lastCompletionMs });
        let decision: Decision<DecidableRequest>;
        if (submit) {
          const submitted = request(submit);
          waiting.push(submitted);
          decision = decider.submit(submitted, facts);
        } else {
          decision = decider.choose(facts);
        }
        for (const { request: refused, reason } of decision.refused) {
          expect(waiting).toContain(refused);
          waiting = waiting.filter((other) => other !== refused);
          if (reason === 'TOO_MANY_CHECKPOINT_REQUESTS') {
            expect(waiting.length).toBe(maxQueued);
            if (!refused.periodic) expect(waiting.filter((other) => other.periodic)).toEqual([]);
          } else {
            expect(refused.periodic && !refused.forced).toBe(true);
            expect(nowMs - lastCompletionMs).toBeLessThan(minPauseMs);
            expect(decision.rearmAfterMs).toBe(lastCompletionMs + minPauseMs - nowMs);
          }
        }
        const { start } = decision;
        if (start) {
          expect(waiting.every((other) => other === start || before(start, other))).toBe(true);
          expect(isTriggering).toBe(false);
          expect(cleaningCount).toBeLessThanOrEqual(maxConcurrent);
          expect(start.forced || pendingCount < maxConcurrent).toBe(true);
          waiting = waiting.filter((other) => other !== start);
        } else if (decision.refused.length === 0 && waiting.length > 0) {
          // Idle only for a reason.
          const unforced = !waiting.some((other) => other.forced && waiting.every((third) => third === other || before(other, third)));
          expect(isTriggering || cleaningCount > maxConcurrent || (pendingCount >= maxConcurrent && unforced)).toBe(true);
        }
        expect([...decider.queued].sort((a, b) => a.sequence - b.sequence)).toEqual(waiting);
      }
    }),
  );
});

function before(one: DecidableRequest, other: DecidableRequest): boolean {
  const rank = (r: DecidableRequest) => [r.kind === 'savepoint' ? 0 : 1, r.forced ? 0 : 1, r.periodic ? 1 : 0, r.sequence];
  const [a, b] = [rank(one), rank(other)];
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return (a[i] as number) < (b[i] as number);
  return false;
}
