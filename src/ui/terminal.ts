import { Chalk, type ChalkInstance, chalkStderr } from 'chalk';
import type { MemprofError } from '../errors.js';

/** Where memprof talks to people: stderr, always. stdout belongs to the program, or to the result. */
export interface Terminal {
  /** Whether somebody may be watching. */
  readonly isInteractive: boolean;
  readonly colour: ChalkInstance;
  line(text?: string): void;
  warn(message: string): void;
}

/** @param stream and `environment` are for tests. */
export function openTerminal(
  stream: NodeJS.WriteStream = process.stderr,
  environment: NodeJS.ProcessEnv = process.env,
): Terminal {
  const colour = colourFor(environment, chalkStderr);
  return {
    isInteractive: stream.isTTY === true && environment.TERM !== 'dumb',
    colour,
    line: (text = '') => void stream.write(`${text}\n`),
    warn: (message) => void stream.write(`${colour.yellow('memprof:')} ${message}\n`),
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
