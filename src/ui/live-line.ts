import type { Terminal } from './terminal.js';

/** A line at the bottom of the terminal that is rewritten in place and leaves no trace. */
export interface LiveLine {
  stop(): void;
}

const EVERY_MS = 500;
const ERASE = '\r\x1b[2K';

/**
 * Shows `text()` twice a second at most, and only when it changed: written without a newline, erased before it is written
 * again and at the end. For memprof's own work, when nobody else writes to the terminal.
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

// xterm's controls: 22 and 23 keep the title and bring it back, 2 sets it. Terminals without a title ignore all three.
const KEEP_TITLE = '\x1b[22;2t';
const RESTORE_TITLE = '\x1b[23;2t';
const title = (text: string): string => `\x1b]2;${text}\x07`;

/**
 * The same in the title of the window, while the program runs: the screen is the program's, which may be in the middle of a
 * line (a model that streams its tokens), and no one can know where.
 */
export function showLiveTitle(terminal: Terminal, text: () => string): LiveLine {
  let shown = '';
  const timer = setInterval(() => {
    const next = text();
    if (next === shown) return;
    terminal.write(`${shown === '' ? KEEP_TITLE : ''}${title(next)}`);
    shown = next;
  }, EVERY_MS);
  timer.unref();
  return {
    stop() {
      clearInterval(timer);
      if (shown !== '') terminal.write(RESTORE_TITLE);
      shown = '';
    },
  };
}

/** `417.3 MiB`; for the live figures, where width matters more than precision. */
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
