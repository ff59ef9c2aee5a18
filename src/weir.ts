/** What `import … from 'weir'` gives: the programming interface, with its connectors and an embedded cluster behind it. */
import { installConnectors } from './api/connector-registry.ts';
import { builtInConnectors } from './connectors/built-in.ts';

export * from './api/index.ts';

installConnectors(builtInConnectors);
