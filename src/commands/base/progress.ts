/** A spinner on stderr while something takes its time; nothing at all unless somebody watches. */
import type { Terminal } from './terminal.ts';

/** Shorter waits are not worth a flicker. */
const appearsAfterMs = 500;

export function progressOf(terminal: Terminal): (text: string) => () => void {
  if (!terminal.interactive) return () => () => {};
  return (text) => {
    let stopped = false;
    let stopSpinner: (() => void) | undefined;
    const timer = setTimeout(async () => {
      const { default: ora } = await import('ora');
      if (stopped) return;
      // The program's own output goes on above: stdin must stay its own, and lines are not swallowed.
      const spinner = ora({ text, stream: process.stderr, discardStdin: false, hideCursor: false }).start();
      stopSpinner = () => spinner.stop();
    }, appearsAfterMs);
    timer.unref();
    const stop = (): void => {
      stopped = true;
      clearTimeout(timer);
      stopSpinner?.();
      stopSpinner = undefined;
      process.off('exit', stop);
    };
    // An interrupt must not leave half a line behind.
    process.once('exit', stop);
    return stop;
  };
}
