import { closeSync, openSync, readSync } from 'node:fs';

/** What an executable file says about itself in its first bytes. */
export interface Executable {
  readonly format: 'elf' | 'script' | 'other';
  /** ELF only: as Node's `process.arch` names it where Node knows it, else `machine <number>`. */
  readonly arch?: string;
  /** ELF only: 'none' for a static binary, 'unknown' for a loader that we do not know. */
  readonly libc?: 'glibc' | 'musl' | 'unknown' | 'none';
  /** Script only: the words after `#!`; empty if there is no `#!` line. */
  readonly shebang?: readonly string[];
}

const HEAD_BYTES = 64;
const SHEBANG_BYTES = 256;
const ELF_MAGIC = 0x7f454c46;
const CLASS_64 = 2;
const PT_INTERP = 3;
const MACHINES: Readonly<Record<number, string>> = {
  3: 'ia32',
  21: 'ppc64',
  22: 's390x',
  40: 'arm',
  62: 'x64',
  183: 'arm64',
  243: 'riscv64',
  258: 'loong64',
};

/**
 * Reads the ELF header and the path of the dynamic loader, or the `#!` line, of a file.
 * The layouts are those of the System V gABI, chapter 4 and 5.
 * @throws the error of open(2) or read(2): a program may be executable and not readable.
 */
export function inspectExecutable(path: string): Executable {
  const fd = openSync(path, 'r');
  try {
    const head = readAt(fd, 0, SHEBANG_BYTES);
    if (head.length >= HEAD_BYTES && head.readUInt32BE(0) === ELF_MAGIC) return inspectElf(fd, head);
    if (head.toString('latin1', 0, 2) === '#!') {
      const [line = ''] = head.toString('utf8', 2).split('\n');
      return { format: 'script', shebang: line.trim().split(/[ \t]+/) };
    }
    // execvp(3) hands a text file without "#!" to sh; anything with a NUL in its head is no text.
    return head.includes(0) ? { format: 'other' } : { format: 'script', shebang: [] };
  } finally {
    closeSync(fd);
  }
}

function inspectElf(fd: number, head: Buffer): Executable {
  const is64 = head[4] === CLASS_64;
  const isLittleEndian = head[5] === 1;
  const machine = isLittleEndian ? head.readUInt16LE(18) : head.readUInt16BE(18);
  const arch = MACHINES[machine] ?? `machine ${machine}`;
  // Those that we cannot profile anyway are not looked into further.
  if (!is64 || !isLittleEndian) return { format: 'elf', arch, libc: 'unknown' };
  const tableOffset = Number(head.readBigUInt64LE(32));
  const entryBytes = head.readUInt16LE(54);
  const count = head.readUInt16LE(56);
  const table = readAt(fd, tableOffset, entryBytes * count);
  for (let at = 0; at + 56 <= table.length; at += entryBytes) {
    if (table.readUInt32LE(at) !== PT_INTERP) continue;
    const offset = Number(table.readBigUInt64LE(at + 8));
    const bytes = Math.min(Number(table.readBigUInt64LE(at + 32)), 4096);
    const loader = readAt(fd, offset, bytes).toString('utf8').replace(/\0.*$/s, '');
    return { format: 'elf', arch, libc: libcOfLoader(loader) };
  }
  return { format: 'elf', arch, libc: 'none' };
}

function libcOfLoader(loader: string): 'glibc' | 'musl' | 'unknown' {
  if (/\/ld-musl[^/]*$/.test(loader)) return 'musl';
  return /\/ld(-linux[^/]*|64)\.so\.\d+$/.test(loader) ? 'glibc' : 'unknown';
}

function readAt(fd: number, offset: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  return buffer.subarray(0, readSync(fd, buffer, 0, bytes, offset));
}
