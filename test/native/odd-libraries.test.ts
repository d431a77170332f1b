/** Libraries that are not as linkers make them: the loader takes them, so must the unwinder. */
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { program } from './programs.ts';
import { runSampled } from './store.ts';

const PT_LOAD = 1;
const PT_GNU_EH_FRAME = 0x6474e550;
const EHDR_PHOFF = 32;
const EHDR_PHNUM = 56;
const PHDR_BYTES = 56;

const PLUGIN = program('plugin', ['-shared', '-fPIC', '-fomit-frame-pointer', '-Wl,-z,max-page-size=0x200000']);

const headersOf = (file: Buffer) =>
  Array.from({ length: file.readUInt16LE(EHDR_PHNUM) }, (_, i) => {
    const at = Number(file.readBigUInt64LE(EHDR_PHOFF)) + i * PHDR_BYTES;
    const u64 = (offset: number) => Number(file.readBigUInt64LE(at + offset));
    return { type: file.readUInt32LE(at), offset: u64(8), address: u64(16), fileBytes: u64(32), bytes: u64(40) };
  });

/** A copy of the plugin, changed. */
function changed(name: string, change: (file: Buffer) => Buffer): string {
  const path = `${PLUGIN}.${name}.so`;
  writeFileSync(path, change(readFileSync(PLUGIN)), { mode: 0o755 });
  return path;
}

function sampled(library: string) {
  const run = runSampled([program('plugins'), library, library], { meanBytes: 1 });
  expect([run.status, run.signal, run.stderr]).toEqual([0, null, '']);
  const [store] = run.stores;
  if (store === undefined) throw new Error('no store');
  return store;
}

test('as it is linked, every stack reaches main', () => {
  expect(sampled(changed('same', (file) => file)).counters.broken_stacks).toBe(0);
});

test('program headers at the end of the file, mapped nowhere, as patchelf may leave them', () => {
  const library = changed('moved', (file) => {
    const start = Number(file.readBigUInt64LE(EHDR_PHOFF));
    const headers = Buffer.from(file.subarray(start, start + file.readUInt16LE(EHDR_PHNUM) * PHDR_BYTES));
    const padding = Buffer.alloc(-file.length & 7);
    const moved = Buffer.concat([file, padding, headers]);
    moved.writeBigUInt64LE(BigInt(file.length + padding.length), EHDR_PHOFF);
    moved.fill(0xff, start, start + headers.length);
    return moved;
  });
  const { counters, modules } = sampled(library);
  expect(counters.broken_stacks).toBe(0);
  expect(modules.filter(({ path }) => path === library)).toHaveLength(1);
});

test('an unwind table that points between the segments, where nothing can be read', () => {
  const library = changed('gap', (file) => {
    const headers = headersOf(file);
    const loads = headers.filter(({ type }) => type === PT_LOAD);
    const gap = loads.find(({ address, bytes }, i) => (loads[i + 1]?.address ?? 0) > address + bytes + 0x10000);
    const table = headers.find(({ type }) => type === PT_GNU_EH_FRAME);
    if (gap === undefined || table === undefined) throw new Error('a plugin without a gap');
    const target = ((gap.address + gap.bytes + 0xfff) & ~0xfff) + 0x8000;
    for (let i = 0; i < file.readUInt32LE(table.offset + 8); i++)
      file.writeInt32LE(target - table.address, table.offset + 12 + i * 8 + 4);
    return file;
  });
  expect(sampled(library).counters.alloc_samples).toBeGreaterThan(20);
});
