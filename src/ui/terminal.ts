import { writeSync } from 'node:fs';
import { isatty, WriteStream } from 'node:tty';
import type { MemprofError } from '../errors.js';
import { type Colours, coloursFor } from './colour.js';

/** Where memprof talks to people: stderr, always. stdout belongs to the program, or to the result. */
export interface Terminal {
  /** Whether somebody may be watching. */
  readonly isInteractive: boolean;
  readonly colour: Colours;
  /** Columns of the window when memprof started. */
  readonly width: number;
  write(text: string): void;
  line(text?: string): void;
  warn(message: string): void;
}

const STDERR = 2;
const USUAL_WIDTH = 80;

/**
 * Written without `process.stderr`: capture/standard-streams.ts says why. A stderr that is full or closed costs us a
 * line.
 */
export function openTerminal(environment: NodeJS.ProcessEnv = process.env): Terminal {
  const isInteractive = isatty(STDERR) && environment.TERM !== 'dumb';
  const colour = coloursFor(isInteractive, environment);
  const write = (text: string): void => {
    const bytes = Buffer.from(text);
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(STDERR, bytes, at);
    } catch {
      // Nobody reads it; there is no other place to say so.
    }
  };
  return {
    isInteractive,
    colour,
    // A pseudo terminal may say that it is 0 columns wide.
    width: (isInteractive && new WriteStream(STDERR).columns) || USUAL_WIDTH,
    write,
    line: (text = '') => write(`${text}\n`),
    warn: (message) => write(`${colour.yellow('memprof:')} ${message}\n`),
  };
}

/** One line for what happened, one for what to try. */
export function formatError(error: MemprofError): string {
  return error.hint === undefined ? error.message : `${error.message}\n  ${error.hint}`;
}
