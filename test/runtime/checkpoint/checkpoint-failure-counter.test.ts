import { expect, test } from 'vitest';
import { CheckpointFailureCounter } from '../../../src/runtime/checkpoint/checkpoint-failure-counter.ts';

test('with no tolerance the first failure that counts fails the job', () => {
  const counter = new CheckpointFailureCounter(0);
  expect(counter.failed('TASK_FAILURE', 1)).toBe(false);
  expect(counter.failed('CHECKPOINT_DECLINED_TASK_NOT_READY', 1)).toBe(false);
  expect(counter.failed('CHECKPOINT_EXPIRED', 1)).toBe(true);
});

test('failures in a row are counted, each checkpoint once', () => {
  const counter = new CheckpointFailureCounter(2);
  expect([1, 1, 2, 2].map((id) => counter.failed('CHECKPOINT_EXPIRED', id))).toEqual([false, false, false, false]);
  expect(counter.failed('CHECKPOINT_ASYNC_EXCEPTION', 3)).toBe(true);
});

test('a success begins the row anew, and a failure of an older checkpoint does not count', () => {
  const counter = new CheckpointFailureCounter(1);
  expect(counter.failed('CHECKPOINT_EXPIRED', 4)).toBe(false);
  counter.succeeded(6);
  expect(counter.failed('CHECKPOINT_EXPIRED', 5)).toBe(false);
  expect(counter.failed('CHECKPOINT_EXPIRED', 7)).toBe(false);
  expect(counter.failed('CHECKPOINT_EXPIRED', 8)).toBe(true);
});

test('after an overflow counting begins anew', () => {
  const counter = new CheckpointFailureCounter(1);
  expect([1, 2, 3, 4].map((id) => counter.failed('IO_EXCEPTION', id))).toEqual([false, true, false, true]);
});

test('a failure before there was an id counts every time', () => {
  const counter = new CheckpointFailureCounter(1);
  expect([counter.failed('IO_EXCEPTION', undefined), counter.failed('IO_EXCEPTION', undefined)]).toEqual([false, true]);
});
