import { writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import { Chalk, type ChalkInstance, chalkStderr } from 'chalk';
import type { MemprofError } from '../errors.js';

/** Where memprof talks to people: stderr, always. stdout belongs to the program, or to the result. */
export interface Terminal {
  /** Whether somebody may be watching. */
  readonly isInteractive: boolean;
  readonly colour: ChalkInstance;
  /** Columns of the window. */
  width(): number;
  write(text: string): void;
  line(text?: string): void;
  warn(message: string): void;
}

const STDERR = 2;
const USUAL_WIDTH = 80;

/**
 * Not through `process.stderr`: for a pipe it sets O_NONBLOCK, which the profiled program shares, and whose writes would then
 * fail where they used to wait. A stderr that is full or closed costs us a line, never the program.
 */
export function openTerminal(environment: NodeJS.ProcessEnv = process.env): Terminal {
  const colour = colourFor(environment, chalkStderr);
  const isInteractive = isatty(STDERR) && environment.TERM !== 'dumb';
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
    // A pseudo terminal may say that it is 0 columns wide. Node opens terminals anew, so their flags are our own.
    width: () => (isInteractive ? process.stderr.columns || USUAL_WIDTH : USUAL_WIDTH),
    write,
    line: (text = '') => write(`${text}\n`),
    warn: (message) => write(`${colour.yellow('memprof:')} ${message}\n`),
  };
}

/** NO_COLOR (no-color.org) is not known to chalk; FORCE_COLOR is, and wins. */
export function colourFor(environment: NodeJS.ProcessEnv, detected: ChalkInstance): ChalkInstance {
  const isForced = environment.FORCE_COLOR !== undefined && environment.FORCE_COLOR !== '0';
  return environment.NO_COLOR && !isForced ? new Chalk({ level: 0 }) : detected;
}

/** One line for what happened, one for what to try. */
export function formatError(error: MemprofError): string {
  return error.hint === undefined ? error.message : `${error.message}\n  ${error.hint}`;
}
