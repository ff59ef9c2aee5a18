/**
 * Calls to the outside world that do not hold up the stream: many are under way at once, and results leave in the order of the
 * inputs, or as they come, but never across a watermark.
 *
 * Keeps true: an element is in the queue from the moment it is taken until its results are emitted, and the queue is what a
 * snapshot stores: after a restore each such element is asked for again, so that its results come out once. Answers and timeouts
 * come at any time and only mark an element as done; results are emitted between two elements, as mail of the task.
 */
import type { AsyncFunction } from '../../../api/async-functions.ts';
import type { AsyncSpec } from '../../../api/operator-specs.ts';
import type { StateInitializationContext, StateSnapshotContext } from '../../../api/operators.ts';
import type { ListState } from '../../../api/state.ts';
import { UserError } from '../../../shared/errors.ts';
import { MIN_TIMESTAMP } from '../../../shared/time.ts';
import { InterruptibleOperator } from '../interruptible-operator.ts';
import { type AsyncCalls, callsOf, futureOf } from './async-calls.ts';
import { Deadlines, type ElementQueue, OrderedQueue, PendingElement, UnorderedQueue } from './element-queue.ts';

/** As it is stored. */
type StoredElement = readonly [value: unknown, timestamp: number];

/** The results of an element of which nothing is to come out. */
const nothing = Symbol('nothing');

export class AsyncOperator extends InterruptibleOperator {
  readonly #spec: AsyncSpec;
  readonly #queue: ElementQueue;
  readonly #calls: AsyncCalls;
  readonly #deadlines = new Deadlines();
  readonly #cancelRetries = new Set<() => void>();
  #stored!: ListState<StoredElement>;
  #cancelDeadline: (() => void) | undefined;
  /** Set while the task takes nothing more, until something in the queue can leave. */
  #wake: (() => void) | undefined;
  #isMailed = false;
  #isFinishing = false;
  #isClosed = false;

  constructor(spec: AsyncSpec) {
    super(spec.function);
    this.#spec = spec;
    this.#queue = spec.ordered ? new OrderedQueue() : new UnorderedQueue();
    this.#calls = callsOf(spec, {
      operatorName: () => this.context.operatorName,
      schedule: (delayMs, callback) => this.context.schedule(delayMs, callback),
      answered: (element, attempt, results) => this.#answered(element, attempt, results),
      failed: (element, attempt, error) => this.#failed(element, attempt, error),
    });
  }

  override initializeState(context: StateInitializationContext): void | Promise<void> {
    this.#stored = context.operatorState.getListState<StoredElement>({ kind: 'list', name: '_async_elements' });
    return super.initializeState(context);
  }

  override async open(): Promise<void> {
    await super.open();
    this.context.signal.addEventListener('abort', () => this.#abandon(), { once: true });
    const restored = [...this.#stored.get()];
    this.#stored.clear();
    // More than the queue takes (there were more subtasks once) wait their turn.
    for (const [value, timestamp] of restored) this.processElement(value, timestamp);
  }

  override processElement(value: unknown, timestamp: number): void {
    if (this.interrupted) {
      this.defer('element', value, timestamp);
      return;
    }
    const element = new PendingElement(value, timestamp);
    this.#queue.add(element);
    this.#startDeadline(element);
    this.#calls.begin(element);
    if (!this.#isFull) return;
    this.#calls.flush();
    this.#awaitChange();
  }

  override processWatermark(timestamp: number): void {
    if (this.interrupted || this.#queue.isEmpty) super.processWatermark(timestamp);
    else this.#queue.addWatermark(timestamp);
  }

  override processWatermarkStatus(idle: boolean): void {
    if (this.interrupted || this.#queue.isEmpty) super.processWatermarkStatus(idle);
    else this.#queue.addStatus(idle);
  }

  override snapshotState(context: StateSnapshotContext): void | Promise<void> {
    this.#stored.clear();
    for (const { value, timestamp } of this.#queue.elements()) this.#stored.add([value, timestamp]);
    return super.snapshotState(context);
  }

  /** All answers are waited for: the task resumes this operator until they are out. */
  finish(): void {
    this.#isFinishing = true;
    this.#calls.flush();
    if (!this.continueWork()) this.interrupt();
  }

  override close(): void | Promise<void> {
    this.#abandon();
    return super.close();
  }

  /** No answer is of use any more, and nobody is to wait for one. */
  #abandon(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancelDeadline?.();
    for (const cancel of this.#cancelRetries) cancel();
    for (const element of this.#queue.elements()) element.abort?.abort();
    this.#calls.close();
    this.#wake?.();
  }

  protected override continueWork(): boolean {
    if (!super.continueWork() || !this.#emitDone()) return false;
    if (this.#isFinishing ? this.#queue.isEmpty : !this.#isFull) return true;
    this.#awaitChange();
    return false;
  }

  get #isFull(): boolean {
    return this.#queue.size >= this.#spec.capacity;
  }

  #awaitChange(): void {
    if (this.#queue.hasDone) {
      this.interrupt();
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    this.waitFor(promise);
  }

  /** Emits what is done, as far as order and output allow; false when there is more. */
  #emitDone(): boolean {
    const { output } = this;
    if (this.context.isPaused) return !this.#queue.hasDone;
    for (let next = this.#queue.takeDone(); next !== undefined; next = this.#queue.takeDone()) {
      if (next.kind === 'marker') {
        if (next.watermark !== MIN_TIMESTAMP) output.emitWatermark(next.watermark);
        if (next.idle !== undefined) output.emitWatermarkStatus(next.idle);
      } else if (!this.#emit(next)) return false;
      if (this.mustStop()) return !this.#queue.hasDone;
    }
    return true;
  }

  #emit({ results, timestamp }: PendingElement): boolean {
    if (results === nothing) return true;
    if (this.#givesMany) return this.emitResults(results as Iterable<unknown>, timestamp);
    this.output.collect(results, timestamp);
    return true;
  }

  get #givesMany(): boolean {
    return this.#spec.form === 'asyncInvoke' || this.#spec.form === 'flatMapAsync';
  }

  readonly #mail = (): void => {
    this.#isMailed = false;
    // One that is interrupted emits when it goes on.
    if (this.#isClosed || this.interrupted) return;
    if (!this.#emitDone()) this.interrupt();
  };

  /** Something may be able to leave now. */
  #changed(): void {
    if (!this.#queue.hasDone) return;
    const wake = this.#wake;
    this.#wake = undefined;
    if (wake) {
      wake();
      return;
    }
    if (this.#isMailed || this.interrupted) return;
    this.#isMailed = true;
    this.context.postMail(this.#mail);
  }

  #counts(element: PendingElement, attempt: number): boolean {
    return !this.#isClosed && !element.isDone && element.attempt === attempt;
  }

  #answered(element: PendingElement, attempt: number, results: unknown): void {
    if (!this.#counts(element, attempt)) return;
    try {
      if (this.#spec.retry?.ifResult?.(results) === true && this.#retryLater(element)) return;
      this.#done(element, results);
    } catch (error) {
      this.context.fail(error);
    }
  }

  #failed(element: PendingElement, attempt: number, error: unknown): void {
    if (!this.#counts(element, attempt)) return;
    try {
      if (this.#spec.retry?.ifException?.(error) === true && this.#retryLater(element)) return;
      this.context.fail(this.#callFailed(error));
    } catch (retryError) {
      this.context.fail(retryError);
    }
  }

  #callFailed(error: unknown): unknown {
    if (error instanceof UserError) return error;
    const message = error instanceof Error ? error.message : String(error);
    return new Error(`Operator '${this.context.operatorName}': an asynchronous call failed: ${message}`, { cause: error });
  }

  /** False when the strategy allows no further attempt. */
  #retryLater(element: PendingElement): boolean {
    const { retry } = this.#spec;
    if (!retry?.canRetry(element.attempt)) return false;
    const delayMs = retry.getBackoffTimeMillis(element.attempt);
    // No answer of the attempts before counts any more.
    element.attempt++;
    const cancel = this.context.schedule(delayMs, () => {
      this.#cancelRetries.delete(cancel);
      if (!this.#isClosed && !element.isDone) this.#calls.begin(element);
    });
    this.#cancelRetries.add(cancel);
    return true;
  }

  #done(element: PendingElement, results: unknown): void {
    element.results = results;
    this.#deadlines.remove(element);
    this.#queue.markDone(element);
    this.#changed();
  }

  #startDeadline(element: PendingElement): void {
    const { timeoutMs } = this.#spec;
    if (timeoutMs <= 0) return;
    element.deadline = this.context.currentProcessingTime() + timeoutMs;
    this.#deadlines.append(element);
    if (this.#cancelDeadline === undefined) this.#scheduleDeadline();
  }

  /** One timer for all: when it comes, the oldest element is another one, most often. */
  #scheduleDeadline(): void {
    const { first } = this.#deadlines;
    this.#cancelDeadline =
      first &&
      this.context.schedule(Math.max(0, first.deadline - this.context.currentProcessingTime()), () => {
        this.#timeOut();
        this.#scheduleDeadline();
      });
  }

  #timeOut(): void {
    const now = this.context.currentProcessingTime();
    for (let { first } = this.#deadlines; first && first.deadline <= now && !this.#isClosed; first = this.#deadlines.first) {
      this.#deadlines.remove(first);
      this.#elementTimedOut(first);
    }
  }

  /** No attempt counts any more; what comes out instead is the function's say. */
  #elementTimedOut(element: PendingElement): void {
    element.attempt = Number.POSITIVE_INFINITY;
    element.abort?.abort(new DOMException('The call has timed out.', 'TimeoutError'));
    const complete = (results: unknown): void => {
      if (!this.#isClosed && !element.isDone) this.#done(element, results);
    };
    const fail = (error: unknown): void => this.context.fail(this.#callFailed(error));
    try {
      const { onTimeout, form, function: userFunction } = this.#spec;
      const handler = userFunction as Partial<AsyncFunction<unknown, unknown>>;
      if (onTimeout === 'skip') complete(nothing);
      else if (onTimeout) Promise.resolve(onTimeout(element.value)).then(complete, fail);
      else if (form === 'asyncInvoke' && handler.timeout)
        handler.timeout(element.value, futureOf(this.context.operatorName, complete, fail));
      else this.context.fail(this.#timeoutError());
    } catch (error) {
      fail(error);
    }
  }

  #timeoutError(): UserError {
    return new UserError('ASYNC_TIMEOUT', {
      problem: `Operator '${this.context.operatorName}': an asynchronous call was not answered within ${this.#spec.timeoutMs} ms.`,
      tryNext: ['Raise the timeout, or say what is to come out instead: a method timeout(input, resultFuture), or onTimeout.'],
    });
  }
}
