/** A slot's thread whose first task never comes back from the program: what a loop at import does. */
import { parentPort } from 'node:worker_threads';
import { openPortRpc } from '../../src/runtime/rpc/port.ts';

const { remote } = openPortRpc<{ ready(port: number): Promise<void> }>(parentPort as NonNullable<typeof parentPort>, {
  prepareJob: async () => {},
  submitTask: () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0),
});
void remote.ready(0);
