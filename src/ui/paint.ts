import type { ChalkInstance } from 'chalk';

/** The colours of the text report; the report names roles, this says how they look. */
export function paintFor(colour: ChalkInstance) {
  return {
    heading: colour.bold,
    measured: colour.green,
    estimated: colour.cyan,
    unknown: colour.magenta,
    dim: colour.dim,
    warning: colour.yellow,
  };
}
