import { closeSync, openSync, readSync } from 'node:fs';
import { REGION_FLAG, type RegionRow } from '../recording/ledger.js';

/** The mappings of a process; `row[3]` is an index into `paths`. */
export interface MemoryMap {
  readonly regions: RegionRow[];
  readonly paths: string[];
  /** Sum of Pss. */
  readonly pssBytes: number;
}

const VM_FLAGS: Readonly<Record<string, number>> = {
  dc: REGION_FLAG.dontFork,
  nh: REGION_FLAG.noHugePage,
  nr: REGION_FLAG.noReserve,
  dd: REGION_FLAG.dontDump,
  ht: REGION_FLAG.hugetlb,
};
const READ_BYTES = 1 << 20;
const HEADER = /^([0-9a-f]+)-([0-9a-f]+) (....) \S+ \S+ \d+ *(.*)$/;

/**
 * Reads `/proc/PID/smaps`, in pieces: 60,000 mappings are 60 MB of text. The kernel walks the page tables, about 18 ms per GB of small pages.
 * @throws the error of open(2) or read(2): EACCES, ENOENT, or ESRCH where the process ended meanwhile.
 */
export function readSmaps(pid: number): MemoryMap {
  const parser = createSmapsParser();
  const fd = openSync(`/proc/${pid}/smaps`, 'r');
  try {
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    let rest = '';
    for (let count = readSync(fd, buffer); count > 0; count = readSync(fd, buffer)) {
      const text = rest + buffer.toString('latin1', 0, count);
      const end = text.lastIndexOf('\n') + 1;
      parser.add(text.slice(0, end));
      rest = text.slice(end);
    }
    parser.add(rest);
  } finally {
    closeSync(fd);
  }
  return parser.finish();
}

/** @returns the mappings of the text of an smaps file. */
export function parseSmaps(text: string): MemoryMap {
  const parser = createSmapsParser();
  parser.add(text);
  return parser.finish();
}

type MutableRow = { -readonly [K in keyof RegionRow]: RegionRow[K] };

function createSmapsParser(): { add(wholeLines: string): void; finish(): MemoryMap } {
  const regions: RegionRow[] = [];
  const paths: string[] = [];
  const known = new Map<string, number>();
  let pssBytes = 0;
  let row: MutableRow | undefined;

  function pathIndex(path: string): number {
    if (path === '') return -1;
    let index = known.get(path);
    if (index === undefined) {
      index = paths.push(path) - 1;
      known.set(path, index);
    }
    return index;
  }

  function begin(line: string): void {
    const [, start, end, permissions = '', path = ''] = HEADER.exec(line) ?? [];
    if (start === undefined || end === undefined) return;
    const from = Number.parseInt(start, 16);
    // The kernel escapes newlines as \012; names are bytes.
    const name = Buffer.from(path, 'latin1').toString('utf8');
    // vsyscall lies above 2^53 and is no memory of the process.
    if (from > Number.MAX_SAFE_INTEGER) return;
    row = [from, Number.parseInt(end, 16) - from, permissionFlags(permissions), pathIndex(name), 0, 0, 0, 0];
    regions.push(row);
  }

  function field(line: string): void {
    if (row === undefined) return;
    if (line.startsWith('Rss:')) row[4] = kibibytes(line, 4);
    else if (line.startsWith('Pss:')) pssBytes += kibibytes(line, 4);
    else if (line.startsWith('Anonymous:')) row[5] = kibibytes(line, 10);
    else if (line.startsWith('Swap:')) row[6] = kibibytes(line, 5);
    else if (line.startsWith('AnonHugePages:')) row[7] = kibibytes(line, 14);
    else if (line.startsWith('VmFlags:')) {
      for (const flag of line.slice(8).split(' ')) row[2] |= VM_FLAGS[flag] ?? 0;
    }
  }

  return {
    add(wholeLines) {
      for (let at = 0; at < wholeLines.length; ) {
        const newline = wholeLines.indexOf('\n', at);
        const end = newline === -1 ? wholeLines.length : newline;
        const first = wholeLines.charCodeAt(at);
        // Names of fields begin with a capital; addresses are digits and small letters.
        if (first >= 0x41 && first <= 0x5a) {
          // R, A, S, V, and `Pss:`: the others are not looked at, and most lines are such.
          const isPss = first === 0x50 && wholeLines.charCodeAt(at + 3) === 0x3a;
          if (isPss || first === 0x52 || first === 0x41 || first === 0x53 || first === 0x56)
            field(wholeLines.slice(at, end));
        } else if (end > at) {
          row = undefined;
          begin(wholeLines.slice(at, end));
        }
        at = end + 1;
      }
    },
    finish: () => ({ regions, paths, pssBytes }),
  };
}

function kibibytes(line: string, from: number): number {
  return 1024 * (Number.parseInt(line.slice(from), 10) || 0);
}

function permissionFlags(permissions: string): number {
  return (
    (permissions[0] === 'r' ? REGION_FLAG.read : 0) |
    (permissions[1] === 'w' ? REGION_FLAG.write : 0) |
    (permissions[2] === 'x' ? REGION_FLAG.execute : 0) |
    (permissions[3] === 's' ? REGION_FLAG.shared : 0)
  );
}
