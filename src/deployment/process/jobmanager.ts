/** The JobManager's process of a standalone session cluster: it runs whatever is submitted, until it is stopped. */
import { jobManagerFlags, startJobManager } from './cluster-entrypoint.ts';
import { runProcess } from './process-frame.ts';

await runProcess(
  'JobManager',
  async (context) => {
    const running = await startJobManager(context);
    context.ready();
    return running;
  },
  jobManagerFlags,
);
