import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parseSmaps, readSmaps } from '../../src/capture/smaps.ts';
import { REGION_FLAG } from '../../src/recording/ledger.ts';

const fixture = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`../../fixtures/smaps/${name}`, import.meta.url)), 'latin1');

test('every mapping, with the sizes and flags that the kernel gives', () => {
  const text = fixture('node-24-wasm.txt');
  const { regions, paths } = parseSmaps(text);
  const sum = (index: 4 | 5): number => regions.reduce((total, region) => total + region[index], 0);
  const said = (field: string): number =>
    [...text.matchAll(new RegExp(`^${field}: (\\d+) kB$`, 'gm'))].reduce(
      (total, [, kib]) => total + 1024 * Number(kib),
      0,
    );
  // vsyscall lies above what a number can hold, and has nothing.
  expect(regions).toHaveLength([...text.matchAll(/^Rss:/gm)].length - 1);
  expect([sum(4), sum(5)]).toEqual([said('Rss'), said('Anonymous')]);
  expect(paths).toContain('[heap]');
  expect(paths).toContain('/usr/bin/node');
});

test('a line of each kind', () => {
  const { regions, paths, pssBytes } = parseSmaps(
    [
      '3e141ff40000-3e141ff80000 rw-p 00000000 00:00 0 ',
      'Rss:                 256 kB',
      'Pss:                 250 kB',
      'Pss_Dirty:           249 kB',
      'Anonymous:           252 kB',
      'AnonHugePages:       128 kB',
      'Swap:                  8 kB',
      'SwapPss:               4 kB',
      'VmFlags: rd wr mr mw me dc nr ',
      '7f0000000000-7f0000001000 r-xs 00001000 fe:00 12                         /data/a model (1).gguf (deleted)',
      'Rss:                   4 kB',
      'Pss:                   1 kB',
      'VmFlags: rd ex sh ht ',
      '7f0000001000-7f0000002000 r--p 00002000 fe:00 12                         /data/größe.bin',
      'ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]',
      'Rss:                   4 kB',
    ]
      .join('\n')
      // As the kernel gives them: bytes.
      .replace('größe', Buffer.from('größe').toString('latin1')),
  );
  const { read, write, execute, shared, dontFork, noReserve, hugetlb } = REGION_FLAG;
  expect(regions).toEqual([
    [0x3e141ff40000, 256 << 10, read | write | dontFork | noReserve, -1, 256 << 10, 252 << 10, 8 << 10, 128 << 10],
    [0x7f0000000000, 4096, read | execute | shared | hugetlb, 0, 4096, 0, 0, 0],
    [0x7f0000001000, 4096, read, 1, 0, 0, 0, 0],
  ]);
  expect(pssBytes).toBe(251 << 10);
  expect(paths).toEqual(['/data/a model (1).gguf (deleted)', '/data/größe.bin']);
});

test('damaged text: what makes sense is kept', () => {
  expect(parseSmaps('').regions).toEqual([]);
  expect(parseSmaps('Rss: 4 kB\nnonsense\n\0\0\n').regions).toEqual([]);
  expect(parseSmaps('1000-2000 rw-p 0 0 0\nRss: lots kB\n').regions).toEqual([[0x1000, 0x1000, 3, -1, 0, 0, 0, 0]]);
});

test('60,000 mappings are read within seconds, and as many as there are', () => {
  const one = (i: number): string =>
    `${(0x7f0000000000 + i * 8192).toString(16)}-${(0x7f0000001000 + i * 8192).toString(16)} rw-p 00000000 00:00 0 \nSize: 4 kB\nRss: 4 kB\nAnonymous: 4 kB\nVmFlags: rd wr mr mw me ac \n`;
  const { regions } = parseSmaps(Array.from({ length: 60_000 }, (_, i) => one(i)).join(''));
  expect(regions).toHaveLength(60_000);
  expect(regions.reduce((sum, region) => sum + region[4], 0)).toBe(60_000 * 4096);
});

test('our own, in pieces as the kernel hands them out', () => {
  const { regions, paths } = readSmaps(process.pid);
  expect(paths).toContain('[heap]');
  expect(regions.length).toBeGreaterThan(100);
  // In order, and none twice: a line cut by the end of a piece would show.
  expect(
    regions.every(
      ([start, bytes], i) =>
        start >= (regions[i - 1]?.[0] ?? 0) + (i > 0 ? (regions[i - 1]?.[1] ?? 0) : 0) && bytes > 0,
    ),
  ).toBe(true);
});
