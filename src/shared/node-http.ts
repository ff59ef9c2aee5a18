/**
 * `node:http` without its ES module face: building that face reads every export, and one of them loads the whole of `fetch`,
 * which costs each process 25 ms of CPU at its start (measured on Node.js 24).
 */
import { createRequire } from 'node:module';

export const http: typeof import('node:http') = createRequire(import.meta.url)('node:http');
