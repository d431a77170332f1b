import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

/** A loadable segment: where a piece of the file lies in virtual memory. Bytes. */
export interface Segment {
  readonly virtualAddress: number;
  readonly fileOffset: number;
  readonly fileBytes: number;
  readonly memoryBytes: number;
}

/** A symbol table and the string table that goes with it. */
export interface SymbolSection {
  readonly kind: 'symtab' | 'dynsym';
  readonly offset: number;
  readonly bytes: number;
  readonly stringsOffset: number;
  readonly stringsBytes: number;
}

/** An ELF64 little-endian file, open for reading. Layouts: System V gABI, chapters 4 and 5. */
export interface ElfFile {
  /** Hex, '' if the file has none. */
  readonly buildId: string;
  readonly segments: readonly Segment[];
  readonly symbolSections: readonly SymbolSection[];
  read(offset: number, bytes: number): Buffer;
  close(): void;
}

const ELF_MAGIC = 0x7f454c46;
const CLASS_64 = 2;
const LITTLE_ENDIAN = 1;
const PT_LOAD = 1;
const PT_NOTE = 4;
const SHT_SYMTAB = 2;
const SHT_DYNSYM = 11;
const NT_GNU_BUILD_ID = 3;
const SEGMENT_BYTES = 56;
const SECTION_BYTES = 64;
/** Tables larger than these are no tables of a real binary. */
const MAX_HEADERS = 20_000;
const MAX_NOTE_BYTES = 1 << 20;

/** Undefined if the file is not there, may not be read or is no ELF file that we know. */
export function openElf(path: string): ElfFile | undefined {
  let fd: number;
  let fileBytes = 0;
  try {
    // Not to wait for the other end, should the path be a pipe.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return undefined; // e.g. [vdso], or a file deleted since: shown as module+offset
  }
  const read = (offset: number, bytes: number): Buffer => {
    // A damaged header may ask for more than there is.
    const buffer = Buffer.alloc(Math.max(0, Math.min(bytes, fileBytes - offset)));
    if (buffer.length === 0) return buffer;
    return buffer.subarray(0, readSync(fd, buffer, 0, bytes, offset));
  };
  try {
    const stat = fstatSync(fd);
    fileBytes = stat.size;
    const parsed = stat.isFile() ? parse(read) : undefined;
    if (parsed !== undefined) return { ...parsed, read, close: () => closeSync(fd) };
  } catch (error) {
    // A directory, or offsets beyond the end: no ELF file for us. Anything else is a bug.
    if (!(error instanceof RangeError) && (error as NodeJS.ErrnoException).syscall === undefined) throw error;
  }
  closeSync(fd);
  return undefined;
}

function parse(read: ElfFile['read']): Omit<ElfFile, 'read' | 'close'> | undefined {
  const head = read(0, 64);
  if (head.length < 64 || head.readUInt32BE(0) !== ELF_MAGIC) return undefined;
  if (head[4] !== CLASS_64 || head[5] !== LITTLE_ENDIAN) return undefined;
  const segments: Segment[] = [];
  let buildId = '';
  for (const at of entries(read, u64(head, 32), head.readUInt16LE(56), SEGMENT_BYTES)) {
    const type = at.readUInt32LE(0);
    if (type === PT_LOAD) {
      segments.push({
        fileOffset: u64(at, 8),
        virtualAddress: u64(at, 16),
        fileBytes: u64(at, 32),
        memoryBytes: u64(at, 40),
      });
    } else if (type === PT_NOTE && buildId === '') {
      buildId = findBuildId(read(u64(at, 8), Math.min(u64(at, 32), MAX_NOTE_BYTES)));
    }
  }
  const sections = entries(read, u64(head, 40), head.readUInt16LE(60), SECTION_BYTES);
  const symbolSections = sections.flatMap((section): SymbolSection[] => {
    const type = section.readUInt32LE(4);
    if (type !== SHT_SYMTAB && type !== SHT_DYNSYM) return [];
    const strings = sections[section.readUInt32LE(40)];
    if (strings === undefined) return [];
    return [
      {
        kind: type === SHT_SYMTAB ? 'symtab' : 'dynsym',
        offset: u64(section, 24),
        bytes: u64(section, 32),
        stringsOffset: u64(strings, 24),
        stringsBytes: u64(strings, 32),
      },
    ];
  });
  return { buildId, segments, symbolSections };
}

function entries(read: ElfFile['read'], offset: number, count: number, bytes: number): Buffer[] {
  if (count > MAX_HEADERS) return [];
  const table = read(offset, count * bytes);
  const whole = Math.floor(table.length / bytes);
  return Array.from({ length: whole }, (_, index) => table.subarray(index * bytes, (index + 1) * bytes));
}

function findBuildId(notes: Buffer): string {
  for (let at = 0; at + 12 <= notes.length; ) {
    const nameBytes = notes.readUInt32LE(at);
    const valueBytes = notes.readUInt32LE(at + 4);
    const value = at + 12 + align4(nameBytes);
    const isGnu = notes.toString('latin1', at + 12, at + 12 + nameBytes) === 'GNU\0';
    if (isGnu && notes.readUInt32LE(at + 8) === NT_GNU_BUILD_ID) {
      return notes.toString('hex', value, value + valueBytes);
    }
    at = value + align4(valueBytes);
  }
  return '';
}

const align4 = (bytes: number): number => Math.ceil(bytes / 4) * 4;

const u64 = (data: Buffer, at: number): number => Number(data.readBigUInt64LE(at));
