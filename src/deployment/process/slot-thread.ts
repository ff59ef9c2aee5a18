/** A slot's worker thread: the data plane and the tasks of one slot, called by the TaskManager's main thread. */
import { parentPort, workerData } from 'node:worker_threads';
import { installConnectors } from '../../api/connector-registry.ts';
import { Configuration } from '../../config/configuration.ts';
import { builtInConnectors } from '../../connectors/built-in.ts';
import { createProgramLoader } from '../../program/program-loader.ts';
import { observeCollections } from '../../runtime/metrics/thread-report.ts';
import { createSlotNetwork } from '../../runtime/network/create-slot-network.ts';
import { openPortRpc } from '../../runtime/rpc/port.ts';
import { SlotRuntime } from '../../runtime/task/slot-runtime.ts';
import type { SlotThreadData, SlotThreadGateway, SlotThreadListener } from '../../runtime/taskmanager/slot-thread.ts';
import { systemClock } from '../../shared/time.ts';
import { FileCheckpointStreams } from '../../state/storage/file-checkpoint-streams.ts';
import { codecsWith } from '../../types/codecs.ts';
import { containUserCode, writeConsoleSynchronously } from './contain-user-code.ts';
import { openProcessLog } from './process-log.ts';

const data = workerData as SlotThreadData;
const port = parentPort;
if (!port) throw new Error('slot-thread is started by a TaskManager only');

process.setSourceMapsEnabled(true);
observeCollections();
writeConsoleSynchronously();
installConnectors(builtInConnectors);

const log = openProcessLog(data.logFile, data.logLevel).of(`slot ${data.slotIndex}`);
const codecs = codecsWith((message) => log.warn(message));
const config = Configuration.of(data.configuration);
const network = await createSlotNetwork({
  config,
  codecs,
  location: { taskManagerId: data.taskManagerId, host: data.host, slotIndex: data.slotIndex },
  memory: data.memory,
  bindHost: data.bindHost,
  port: data.dataPort,
});
const gateway: SlotThreadGateway = {
  ping: async () => {},
  prepareJob: (request) => runtime.prepareJob(request),
  submitTask: (request) => runtime.submitTask(request),
  cancelTask: (attemptId) => runtime.cancelTask(attemptId),
  operatorEvent: (request) => runtime.operatorEvent(request),
  triggerCheckpoint: (request) => runtime.triggerCheckpoint(request),
  notifyCheckpointComplete: (request) => runtime.notifyCheckpointComplete(request),
  notifyCheckpointAborted: (request) => runtime.notifyCheckpointAborted(request),
  peerLost: (request) => runtime.peerLost(request),
};
const { remote } = openPortRpc<SlotThreadListener>(port, gateway);
const runtime = new SlotRuntime({
  config,
  network,
  clock: systemClock,
  codecs,
  streams: new FileCheckpointStreams(),
  loadProgram: createProgramLoader((message) => log.warn(message)),
  warn: (message) => log.warn(message),
  heapLimitBytes: data.heapLimitBytes,
  listener: {
    taskStateChanged: (update) => void remote.taskStateChanged(update),
    operatorEvent: (request) => void remote.operatorEvent(request),
    acknowledgeCheckpoint: (ack) => void remote.acknowledgeCheckpoint(ack),
    declineCheckpoint: (decline) => void remote.declineCheckpoint(decline),
    report: (report) => void remote.report(report),
    slotFailed: (cause) => void remote.slotFailed(cause),
  },
});
containUserCode((error) => runtime.failAll(error));
remote.ready(network.location.dataPort);
