import { showLiveLine } from './live-line.js';
import type { Terminal } from './terminal.js';

const PATIENCE_MS = 1000;

/** Runs a piece of our own work; if it takes over a second, a terminal is told what is going on. */
export async function withProgress<T>(terminal: Terminal, what: string, work: () => Promise<T>): Promise<T> {
  if (!terminal.isInteractive) return work();
  const started = Date.now();
  const line = showLiveLine(terminal, () => {
    const seconds = Math.floor((Date.now() - started) / 1000);
    return Date.now() - started < PATIENCE_MS ? '' : `${what} ... ${seconds} s`;
  });
  try {
    return await work();
  } finally {
    line.stop();
  }
}
