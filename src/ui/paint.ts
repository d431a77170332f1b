import type { Colours } from './colour.js';

/** The colours of the text report; the report names roles, this says how they look. */
export function paintFor(colour: Colours) {
  return {
    heading: colour.bold,
    measured: colour.green,
    estimated: colour.cyan,
    unknown: colour.magenta,
    dim: colour.dim,
    warning: colour.yellow,
  };
}
