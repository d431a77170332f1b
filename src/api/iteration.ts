import { agent } from './agent.js';

/**
 * Tells that a piece of work is done: a request, a batch, a token. Reports then say what each one allocated, and whether memory grows with
 * them. Requests of Node's http server are counted without it.
 * @param count of pieces, a whole number of 1 and more.
 * @throws TypeError for anything else.
 */
export function iteration(count = 1): void {
  if (!Number.isSafeInteger(count) || count < 1) {
    throw new TypeError(`memprof: a count of iterations must be a whole number above 0, not ${String(count)}`);
  }
  agent?.iteration?.(count);
}
