import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { inspectExecutable } from '../../src/capture/elf.ts';
import { preflight } from '../../src/capture/preflight.ts';
import { resolveCommand } from '../../src/capture/resolve-command.ts';
import { scratch } from '../cli/run-cli.ts';

const X86_64_LOADER = '/lib64/ld-linux-x86-64.so.2';

/** A copy of this Node's first megabytes with a few bytes changed: enough for whoever reads headers. */
function patchedNode(patch: (bytes: Buffer) => void): string {
  const path = join(scratch(), 'node');
  const bytes = readFileSync(process.execPath).subarray(0, 1 << 20);
  patch(bytes);
  writeFileSync(path, bytes, { mode: 0o755 });
  return path;
}

const codesFor = (path: string): string[] =>
  preflight(resolveCommand(path, undefined), { native: true, v8: false }).notices.map(({ code }) => code);

describe.runIf(process.platform === 'linux' && process.arch === 'x64')('what a binary says about itself', () => {
  test('this Node', () => {
    expect(inspectExecutable(process.execPath)).toEqual({ format: 'elf', arch: 'x64', libc: 'glibc' });
  });

  test('another architecture', () => {
    const path = patchedNode((bytes) => bytes.writeUInt16LE(243, 18));
    expect(inspectExecutable(path)).toMatchObject({ arch: 'riscv64' });
    expect(codesFor(path)).toEqual(['ARCH_UNSUPPORTED']);
  });

  test('arm64 is known, whether its sampler is built here or not', () => {
    const path = patchedNode((bytes) => bytes.writeUInt16LE(183, 18));
    expect(inspectExecutable(path)).toMatchObject({ arch: 'arm64' });
    expect(codesFor(path)).not.toContain('ARCH_UNSUPPORTED');
  });

  test('32 bits', () => {
    const path = patchedNode((bytes) => {
      bytes[4] = 1;
      bytes.writeUInt16LE(3, 18);
    });
    expect(inspectExecutable(path)).toMatchObject({ arch: 'ia32' });
    expect(codesFor(path)).toEqual(['ARCH_UNSUPPORTED']);
  });

  test.each([
    ['/lib/ld-musl-x86_64.so.1', 'musl'],
    ['/system/bin/linker64', 'unknown'],
  ])('the loader %s', (loader, libc) => {
    const path = patchedNode((bytes) => {
      const at = bytes.indexOf(X86_64_LOADER);
      bytes.fill(0, at, at + X86_64_LOADER.length);
      bytes.write(loader, at);
    });
    expect(inspectExecutable(path)).toMatchObject({ libc });
    expect(codesFor(path)).toEqual(['LIBC_UNSUPPORTED']);
  });

  test('no loader: static', () => {
    const path = patchedNode((bytes) => {
      const table = Number(bytes.readBigUInt64LE(32));
      for (let i = 0; i < bytes.readUInt16LE(56); i++) {
        if (bytes.readUInt32LE(table + i * 56) === 3) bytes.writeUInt32LE(4, table + i * 56);
      }
    });
    expect(inspectExecutable(path)).toMatchObject({ libc: 'none' });
    expect(codesFor(path)).toEqual(['STATIC_BINARY']);
  });

  test.each([0, 3, 63, 64, 130])('an ELF file that ends after %i bytes throws nothing', (length) => {
    const path = join(scratch(), 'cut');
    writeFileSync(path, readFileSync(process.execPath).subarray(0, length), { mode: 0o755 });
    expect(() => inspectExecutable(path)).not.toThrow();
  });
});

describe('the file behind a command', () => {
  test('the first executable in PATH, past directories and files without permission', () => {
    const folder = scratch();
    for (const name of ['a', 'b', 'c']) mkdirSync(join(folder, name));
    mkdirSync(join(folder, 'a', 'tool'));
    writeFileSync(join(folder, 'b', 'tool'), '', { mode: 0o644 });
    copyFileSync('/bin/true', join(folder, 'c', 'tool'));
    const path = ['a', 'b', 'c'].map((name) => join(folder, name)).join(':');
    expect(resolveCommand('tool', path)).toMatchObject({ path: join(folder, 'c', 'tool'), name: 'tool' });
    expect(() => resolveCommand('tool', join(folder, 'b'))).toThrow(expect.objectContaining({ exitCode: 126 }));
    expect(() => resolveCommand('tool', join(folder, 'a'))).toThrow(expect.objectContaining({ exitCode: 127 }));
  });

  test.each([
    ['#!/usr/bin/env node', process.execPath],
    ['#!/usr/bin/env -S node --no-warnings', process.execPath],
    ['#! /bin/sh -e', '/bin/sh'],
    ['echo no first line', '/bin/sh'],
  ])('looks through "%s"', (firstLine, interpreter) => {
    const script = join(scratch(), 'script');
    writeFileSync(script, `${firstLine}\n`, { mode: 0o755 });
    const nodeFolder = process.execPath.replace(/\/node$/, '');
    const resolved = resolveCommand(script, nodeFolder);
    expect(resolved).toMatchObject({ path: script, name: 'script', executablePath: interpreter });
    expect(resolved.executable?.format).toBe('elf');
  });

  test('a script that names itself does not turn for ever', () => {
    const script = join(scratch(), 'script');
    writeFileSync(script, `#!${script}\n`, { mode: 0o755 });
    expect(resolveCommand(script, '').path).toBe(script);
  });
});
