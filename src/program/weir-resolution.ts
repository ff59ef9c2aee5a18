/**
 * Whatever copies of Weir a program's own node_modules holds, `import 'weir'` gives it the copy that runs it: one engine,
 * one set of classes. Registered once per thread, before user code is imported.
 */
import { registerHooks } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { weirModulePath } from '../shared/installation.ts';

let registered = false;

export function resolveWeirToThisCopy(): void {
  if (registered) return;
  registered = true;
  const entry = weirModulePath();
  registerHooks({
    resolve(specifier, context, nextResolve) {
      if (specifier === 'weir') return { url: pathToFileURL(entry).href, shortCircuit: true };
      if (specifier.startsWith('weir/')) {
        const path = join(dirname(entry), `${specifier.slice('weir/'.length)}.js`);
        return { url: pathToFileURL(path).href, shortCircuit: true };
      }
      return nextResolve(specifier, context);
    },
  });
}
