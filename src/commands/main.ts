/** The process behind `flink`: switches the compile cache on before anything else is loaded, then runs the command line. */
import module from 'node:module';

module.enableCompileCache?.();
const [{ runCommandLine }, { processTerminal }] = await Promise.all([import('./base/dispatch.ts'), import('./base/terminal.ts')]);
// A program may have left timers or sockets open; the command is done when its action is.
process.exit(await runCommandLine(process.argv.slice(2), processTerminal()));
