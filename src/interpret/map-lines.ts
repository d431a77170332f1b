/** A file-backed line of /proc/PID/maps. */
export interface MapLine {
  readonly start: bigint;
  readonly end: bigint;
  readonly fileOffset: bigint;
  readonly path: string;
}

/** The lines of all maps that were seen, the newest first. */
export interface MapLines {
  add(text: string): void;
  /** The code that an address lies in. */
  find(address: bigint): MapLine | undefined;
  /** The file, of whatever kind, that was mapped in a range; '' if none is known. */
  fileIn(start: bigint, end: bigint): string;
  /** Of all files that were ever mapped executable. */
  paths(): Set<string>;
}

/** Enough for a process that loads and unloads plugins all day; more would be somebody's forgery. */
const MAX_LINES = 20_000;
const LINE = /^([0-9a-f]{1,16})-([0-9a-f]{1,16}) (\S{4}) ([0-9a-f]{1,16}) \S+ \d+ +(\/.*)$/;

export function createMapLines(): MapLines {
  const known = new Set<string>();
  /** Executable ones. */
  const lines: MapLine[] = [];
  const data: MapLine[] = [];

  function add(text: string): void {
    for (const line of text.split('\n')) {
      if (known.has(line) || lines.length + data.length >= MAX_LINES) continue;
      const [, start, end, access = '', offset, path] = LINE.exec(line) ?? [];
      if (start === undefined || end === undefined || offset === undefined || path === undefined) continue;
      known.add(line);
      (access[2] === 'x' ? lines : data).push({
        start: BigInt(`0x${start}`),
        end: BigInt(`0x${end}`),
        fileOffset: BigInt(`0x${offset}`),
        path,
      });
    }
  }

  return {
    add,
    find: (address) => lines.findLast((line) => line.start <= address && address < line.end),
    fileIn(start, end) {
      const overlaps = (line: MapLine): boolean => line.start < end && start < line.end;
      return (data.findLast(overlaps) ?? lines.findLast(overlaps))?.path ?? '';
    },
    paths: () => new Set(lines.map((line) => line.path)),
  };
}
