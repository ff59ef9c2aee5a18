/**
 * Flame graphs of vertices. The first request starts the sampling and hears that it has to wait; later ones get the newest graph,
 * and start another one when it is older than `rest.flamegraph.refresh-interval`.
 */
import { emptyFlameGraph, type FlameGraphKind, type FlameGraphNode, mergeFlameGraph } from '../../runtime/metrics/flame-graph.ts';
import type { ArchivedExecution } from '../../runtime/rpc/gateways.ts';
import { RestError } from '../http/rest-error.ts';
import type { RestRequest } from '../http/router.ts';
import { type HandlerContext, wholeNumber } from './handler-context.ts';

/** What `endTimestamp` says when there is no graph. */
const ended = -1;
const switchedOff = -2;
const waiting = -3;

interface Sampled {
  readonly at: number;
  readonly root: FlameGraphNode;
}

export class FlameGraphs {
  readonly #context: HandlerContext;
  readonly #graphs = new Map<string, { sampled: Sampled | undefined; sampling: boolean; forget: () => void }>();

  constructor(context: HandlerContext) {
    this.#context = context;
  }

  answer(request: RestRequest, jobId: string, vertexId: string, executions: readonly ArchivedExecution[]): unknown {
    const { config } = this.#context;
    const kind = kindOf(request.query.get('type'));
    const subtask = wholeNumber(request.query, 'subtaskindex');
    const wanted = executions.filter(({ subtaskIndex }) => subtask === undefined || subtaskIndex === subtask);
    if (wanted.length === 0)
      throw new RestError(404, `Vertex ${vertexId} has no subtask ${subtask}: its parallelism is ${executions.length}.`);
    if (!config.get('rest.flamegraph.enabled')) return { endTimestamp: switchedOff, data: null };
    const running = wanted.filter(({ state, location }) => state === 'RUNNING' && location !== undefined);
    if (running.length === 0) return { endTimestamp: ended, data: null };
    const { sampled } = this.#current(`${jobId}/${vertexId}/${subtask ?? 'all'}/${kind}`, running, kind);
    return sampled ? { endTimestamp: sampled.at, data: sampled.root } : { endTimestamp: waiting, data: null };
  }

  #current(key: string, running: readonly ArchivedExecution[], kind: FlameGraphKind): { sampled: Sampled | undefined } {
    const { clock, config } = this.#context;
    const entry = this.#graphs.get(key) ?? { sampled: undefined, sampling: false, forget: () => {} };
    this.#graphs.set(key, entry);
    entry.forget();
    entry.forget = clock.schedule(config.get('rest.flamegraph.cleanup-interval'), () => this.#graphs.delete(key));
    const age = clock.now() - (entry.sampled?.at ?? 0);
    if (!entry.sampling && age >= config.get('rest.flamegraph.refresh-interval')) {
      entry.sampling = true;
      void this.#sample(running, kind).then((root) => {
        entry.sampling = false;
        entry.sampled = { at: clock.now(), root };
      });
    }
    return entry;
  }

  /** Slots that cannot be sampled are missing from the graph. */
  async #sample(running: readonly ArchivedExecution[], kind: FlameGraphKind): Promise<FlameGraphNode> {
    const { config, dispatcher, log } = this.#context;
    const durationMs = config.get('rest.flamegraph.num-samples') * config.get('rest.flamegraph.delay-between-samples');
    const root = emptyFlameGraph();
    const byTaskManager = Map.groupBy(running, ({ location }) => location?.taskManagerId ?? '');
    await Promise.all(
      [...byTaskManager].map(async ([taskManagerId, executions]) => {
        try {
          const attemptIds = executions.map(({ attemptId }) => attemptId);
          const part = await dispatcher.taskExecutor(taskManagerId)?.requestFlameGraph({ attemptIds, kind, durationMs });
          if (part) mergeFlameGraph(root, part);
        } catch (error) {
          log.warn(`No samples from TaskManager ${taskManagerId}: ${String(error)}`);
        }
      }),
    );
    return root;
  }
}

function kindOf(text: string | null): FlameGraphKind {
  const kind = (text ?? 'FULL').toUpperCase();
  if (kind === 'FULL' || kind === 'ON_CPU' || kind === 'OFF_CPU') return kind;
  throw new RestError(400, `There is no flame graph of type '${text}': FULL, ON_CPU or OFF_CPU.`);
}
