/** Colours and weights of a terminal: each takes a text without line ends and without colours of its own. */
export type Colours = Readonly<Record<keyof typeof STYLES, (text: string) => string>>;

/** SGR parameters (ECMA-48, 8.3.117): what switches a style on, and what switches it off. */
const STYLES = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  magenta: [35, 39],
  cyan: [36, 39],
} as const;

/**
 * Colours for a stream. FORCE_COLOR (but 0) switches them on, then NO_COLOR (no-color.org) and TERM=dumb off; otherwise
 * they are for terminals.
 */
export function coloursFor(isTerminal: boolean, environment: NodeJS.ProcessEnv = process.env): Colours {
  const isOn = wantsColour(isTerminal, environment);
  const styles = Object.entries(STYLES).map(([name, [on, off]]) => {
    return [name, (text: string) => (isOn && text !== '' ? `\x1b[${on}m${text}\x1b[${off}m` : text)];
  });
  return Object.fromEntries(styles) as Colours;
}

function wantsColour(isTerminal: boolean, environment: NodeJS.ProcessEnv): boolean {
  const forced = environment.FORCE_COLOR;
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  return isTerminal && !environment.NO_COLOR && environment.TERM !== 'dumb';
}
