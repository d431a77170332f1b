/** For `--import`: a program that is done waits, with all its memory, and ends when it is asked to (SIGTERM). */
import { writeSync } from 'node:fs';

process.once('SIGTERM', () => process.exit(0));
process.once('beforeExit', () => {
  writeSync(1, 'held\n');
  setInterval(() => undefined, 1e6);
});
