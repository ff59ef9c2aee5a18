/**
 * A module that was asked for with `?bug=n` is loaded with that planted bug, and so is all that it imports: one process can run the
 * simulation with each of them.
 */
import { registerHooks } from 'node:module';
import { plantedBugs } from './planted-bugs.ts';

const sources = new URL('../../src/', import.meta.url).href;
const here = new URL('../', import.meta.url).href;

registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context);
    const bug = context.parentURL?.startsWith('file:') ? new URL(context.parentURL).searchParams.get('bug') : null;
    const isOurs = resolved.url.startsWith(sources) || resolved.url.startsWith(here);
    return bug === null || !isOurs || resolved.url.includes('?') ? resolved : { ...resolved, url: `${resolved.url}?bug=${bug}` };
  },
  load(url, context, next) {
    const loaded = next(url, context);
    const bug = url.startsWith(sources) ? plantedBugs[Number(new URL(url).searchParams.get('bug') ?? Number.NaN)] : undefined;
    if (!bug || !url.startsWith(`${sources}${bug.file}?`)) return loaded;
    const text = String(loaded.source);
    if (text.split(bug.find).length !== 2) throw new Error(`'${bug.name}' cannot be planted: its text is not in ${bug.file} once.`);
    return { ...loaded, source: text.replace(bug.find, () => bug.replace) };
  },
});

/** Bugs by their place in the list; how many histories to try for each. Prints a line for each bug that is seen. */
const [bugs = '', most = '1'] = process.argv.slice(2);
for (const bug of bugs.split(',')) {
  const { simulate } = (await import(`./simulation.ts?bug=${bug}`)) as typeof import('./simulation.ts');
  for (let seed = 1; seed <= Number(most); seed++) {
    const { violations } = await simulate(seed);
    if (violations.length === 0) continue;
    console.log(`${plantedBugs[Number(bug)]?.name}: seed ${seed}: ${violations[0]?.slice(0, 200)}`);
    break;
  }
}
