import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { PAGE_BYTES, pageBytesOf } from '../../src/capture/page-size.ts';

test('the page size is the kernel’s', () => {
  expect(PAGE_BYTES).toBe(Number(execFileSync('getconf', ['PAGESIZE'], { encoding: 'utf8' })));
});

test('it is the sixth kind of pair; without one it is 4 KiB', () => {
  const words = new BigUint64Array([16n, 6n, 6n, 65_536n, 0n, 0n]);
  expect(pageBytesOf(Buffer.from(words.buffer))).toBe(65_536);
  expect(pageBytesOf(Buffer.from(words.buffer, 0, 16))).toBe(4096);
});
