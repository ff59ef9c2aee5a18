/**
 * How much code V8 may join into one function. A chain is one loop with everything that happens to a record inside: engine, state
 * and user functions. V8's own limit is passed by a chain of three operators; what is left outside is called, and each record that
 * is handed to it has to be allocated.
 */
import { setFlagsFromString } from 'node:v8';

/** Bytecodes of one function with all that is joined into it; V8's own is 920. */
const joinedBytecodes = 3000;

let isRaised = false;

/** For this process, once. */
export function raiseInliningBudget(): void {
  if (isRaised) return;
  isRaised = true;
  setFlagsFromString(`--max-inlined-bytecode-size-cumulative=${joinedBytecodes}`);
}
