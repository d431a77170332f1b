import type { Terminal } from './terminal.js';

/** A line at the bottom of the terminal that is rewritten in place and leaves no trace. */
export interface LiveLine {
  stop(): void;
}

const EVERY_MS = 500;
const ERASE = '\r\x1b[2K';

/**
 * Shows `text()` twice a second at most, and only when it changed. The program writes to the same terminal, so the line
 * is short-lived on purpose: written without a newline, erased before it is written again and at the end.
 */
export function showLiveLine(terminal: Terminal, text: () => string): LiveLine {
  let shown = '';
  const timer = setInterval(() => {
    const next = text().slice(0, terminal.width - 1);
    if (next === shown) return;
    shown = next;
    terminal.write(`${ERASE}${terminal.colour.dim(next)}`);
  }, EVERY_MS);
  timer.unref();
  return {
    stop() {
      clearInterval(timer);
      if (shown !== '') terminal.write(ERASE);
      shown = '';
    },
  };
}

/** `417.3 MiB`; for the live line, where width matters more than precision. */
export function shortBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value.toFixed(unit === 0 ? 0 : 1)} ${units[unit]}`;
}
