/** A JobManager process under high availability: it waits until it leads, serves while it does, and waits again when it no longer does. */
import { highAvailabilityMode } from '../../config/high-availability/leader-files.ts';
import { FileSystemHighAvailability } from '../../runtime/ha/file-system/file-system-high-availability.ts';
import type { HighAvailability, Leadership } from '../../runtime/ha/high-availability.ts';
import { systemClock } from '../../shared/time.ts';
import type { ProcessContext, RunningProcess } from './process-frame.ts';

/**
 * Without high availability this process leads from the start. A process that waits is ready: it can take over. One that serves
 * says itself when it is.
 */
export async function whileLeading(
  context: ProcessContext,
  serve: (leadership: Leadership | undefined) => Promise<RunningProcess>,
): Promise<RunningProcess> {
  if (highAvailabilityMode(context.config) === 'none') return serve(undefined);
  const service = new FileSystemHighAvailability(context.config, systemClock, context.log.of('HighAvailability'));
  const standby = new Standby(context, service, serve);
  void standby.run();
  return standby;
}

class Standby implements RunningProcess {
  readonly #context: ProcessContext;
  readonly #service: HighAvailability;
  readonly #serve: (leadership: Leadership) => Promise<RunningProcess>;
  readonly #abort = new AbortController();
  #serving: RunningProcess | undefined;
  #leadership: Leadership | undefined;

  constructor(context: ProcessContext, service: HighAvailability, serve: (leadership: Leadership) => Promise<RunningProcess>) {
    this.#context = context;
    this.#service = service;
    this.#serve = serve;
  }

  async run(): Promise<void> {
    const { log, end } = this.#context;
    try {
      while (!this.#abort.signal.aborted) await this.#leadOnce();
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      log.error('The JobManager cannot go on.', error);
      process.stderr.write(`${(error as Error).message}\n`);
      end(1);
    }
  }

  async close(): Promise<void> {
    this.#abort.abort(new Error('the process ends'));
    await this.#serving?.close();
    await this.#leadership?.release();
  }

  async #leadOnce(): Promise<void> {
    const { log, ready } = this.#context;
    const leadership = await this.#service.lead(this.#abort.signal, () => {
      log.info('Waiting for the leadership of the cluster.');
      ready();
    });
    log.info(`This JobManager leads the cluster, with fencing token ${leadership.fencing}.`);
    this.#leadership = leadership;
    try {
      this.#serving = await this.#serve(leadership);
    } catch (error) {
      await leadership.release();
      throw error;
    }
    const reason = await leadership.lost;
    log.warn(`This JobManager does not lead the cluster any more: ${reason}`);
    const serving = this.#serving;
    this.#serving = undefined;
    this.#leadership = undefined;
    await serving.close();
  }
}
