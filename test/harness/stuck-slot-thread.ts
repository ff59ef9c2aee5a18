/** A slot's thread whose first task sends an event and then never comes back from the program: what a loop at import does. */
import { parentPort } from 'node:worker_threads';
import { openPortRpc } from '../../src/runtime/rpc/port.ts';

const { remote } = openPortRpc<{ ready(port: number): Promise<void>; operatorEvent(request: unknown): Promise<void> }>(
  parentPort as NonNullable<typeof parentPort>,
  {
    prepareJob: async () => {},
    submitTask: ({ descriptor }: { descriptor: { attemptId: string } }) => {
      void remote.operatorEvent({ attemptId: descriptor.attemptId, event: { type: 'requestSplit' } });
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    },
  },
);
void remote.ready(0);
