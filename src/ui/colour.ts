import { Chalk, type ChalkInstance } from 'chalk';

export type Colours = ChalkInstance;

/**
 * Colours for a stream. FORCE_COLOR (but 0) switches them on, then NO_COLOR (no-color.org) and TERM=dumb off; otherwise
 * they are for terminals. Decided here, since chalk does not know NO_COLOR.
 */
export function coloursFor(isTerminal: boolean, environment: NodeJS.ProcessEnv = process.env): Colours {
  return new Chalk({ level: wantsColour(isTerminal, environment) ? 1 : 0 });
}

function wantsColour(isTerminal: boolean, environment: NodeJS.ProcessEnv): boolean {
  const forced = environment.FORCE_COLOR;
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  return isTerminal && !environment.NO_COLOR && environment.TERM !== 'dumb';
}
