/** The JobManager's process of a standalone session cluster: it runs whatever is submitted, until it is stopped. */
import { jobManagerFlags, startJobManager } from './cluster-entrypoint.ts';
import { whileLeading } from './leading.ts';
import { runProcess } from './process-frame.ts';

await runProcess(
  'JobManager',
  (context) =>
    whileLeading(context, async (leadership) => {
      const running = await startJobManager(context, { leadership });
      context.ready();
      return running;
    }),
  jobManagerFlags,
);
