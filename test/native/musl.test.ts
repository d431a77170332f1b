/** The same library in a program of another C library: the loader must accept it, and everything must count. */
import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { EVENT_TYPE } from '../../src/recording/wire.ts';
import { program } from './programs.ts';
import { runSampled } from './store.ts';

const missing = spawnSync('musl-gcc', ['--version']).error !== undefined;
if (missing) console.warn('skipped: musl-gcc is not installed (Debian package musl-tools)');

describe.skipIf(missing)('musl', () => {
  test('entry points', () => {
    const run = runSampled([program('entry_points', ['-Wl,--eh-frame-hdr'], 'musl-gcc'), 'lenient'], {
      meanBytes: 1,
    });
    expect([run.status, run.stderr]).toEqual([0, '']);
    const store = run.stores[0];
    expect(store?.libc).toBe(2);
    for (const size of [10007, 10009, 10037, 10039, 10061, 10067, 10079, 10091, 10093, 10099, 10103, 10111]) {
      const events = store?.events.filter((event) => event.size === size).map((event) => event.type);
      expect([size, events]).toEqual([size, [EVENT_TYPE.alloc, EVENT_TYPE.free]]);
    }
    // musl-gcc asks for no search table by itself. Where the program itself called malloc, main is reached; musl's own functions have no unwind tables.
    const direct = store?.events.find((event) => event.size === 10007)?.site ?? -1;
    expect(store?.sites[direct]?.flags).toBe(0);
  });

  test('processes and mappings', () => {
    expect(runSampled([program('processes', [], 'musl-gcc'), 'storm'], { meanBytes: 64 }).status).toBe(0);
    const run = runSampled([program('mapping_calls', [], 'musl-gcc')]);
    expect(run.status).toBe(0);
    expect(run.stores[0]?.counters.dropped_mappings).toBe(0);
  });
});
