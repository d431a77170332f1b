/** What jemalloc, mimalloc or tcmalloc say of themselves, where one of them is in place of the C library's malloc. */
import nativeFile = require('./native.cjs');

import type { LineFile } from './types.cjs';

/**
 * @param maps mapped files of this process.
 * @returns writes a line with what it says now: 40 to 100 us; undefined where there is nobody to ask.
 */
function askAllocator(lines: LineFile, maps: string): (() => void) | undefined {
  let native: ReturnType<typeof nativeFile.loadNative>;
  try {
    native = nativeFile.loadNative(maps);
  } catch {
    return undefined; // the permission model, --no-addons: the ledger goes by samples
  }
  return () => {
    const figures = native?.allocatorFigures() ?? '';
    if (figures !== '') lines.write('allocator', { figures });
  };
}

export = { askAllocator };
