/** The public in-process API. Types only for now; `arena()`, `pool()` and `stage()` come with tagging. */
export { EXIT, MemprofError } from './errors.js';
export type * from './model/profile.js';
