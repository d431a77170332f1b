/**
 * What `import 'memprof'` gives: names for memory. The profiler itself is the command line; without it all of this passes through.
 * Runs wherever JavaScript does, and imports nothing of Node's: docs/reference/api.md.
 */
export type { Arena } from './api/arena.js';
export { iteration } from './api/iteration.js';
export { type Labels, label } from './api/label.js';
export { arena, type Pool, type PoolOptions, type PoolStats, pool } from './api/pool.js';
export type { Scope } from './api/scope.js';
export { type Stage, stage } from './api/stage.js';
