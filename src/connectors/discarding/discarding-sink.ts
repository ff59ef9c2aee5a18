/** Takes records and does nothing: for measuring, and for jobs whose effect lies elsewhere. Good for `sinkTo` and `addSink`. */
import type { SinkFunction } from '../../api/functions.ts';
import type { Sink, SinkWriter } from '../../api/sink.ts';

export class DiscardingSink<T> implements Sink<T, never, never>, SinkFunction<T> {
  createWriter(): SinkWriter<T, never, never> {
    return { write: () => {}, flush: () => {} };
  }

  invoke(_value: T): void {}
}
