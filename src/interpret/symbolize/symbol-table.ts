import type { ElfFile, SymbolSection } from './elf.js';

/** The symbol that covers an address. */
export interface FoundSymbol {
  readonly name: string;
  readonly section: SymbolSection['kind'];
}

const SYMBOL_WORDS = 6;
const SYMBOL_BYTES = SYMBOL_WORDS * 4;
const TYPE_NONE = 0;
const TYPE_FUNC = 2;
const TYPE_IFUNC = 10;
const MAX_TABLE_BYTES = 512 << 20;
const NAME_PIECE_BYTES = 256;
const MAX_NAME_BYTES = 64 << 10;

/**
 * Finds the functions that cover virtual addresses of a file. One pass over the symbol table with a binary search into the few
 * addresses that are asked for: 200 k symbols need no sorting, and only names that were hit are read.
 *
 * A symbol with a size covers exactly its range. A function without one (assembler) covers what follows up to the next symbol, as
 * long as the table is whole: in a stripped library the nearest exported function is not the right one. What nothing covers stays
 * unnamed.
 * @param addresses in ascending order, without duplicates.
 */
export function findSymbols(elf: ElfFile, addresses: readonly number[]): Map<number, FoundSymbol> {
  const found = new Map<number, FoundSymbol>();
  // .symtab has all that .dynsym has.
  const section =
    elf.symbolSections.find(({ kind }) => kind === 'symtab') ??
    elf.symbolSections.find(({ kind }) => kind === 'dynsym');
  if (section === undefined || addresses.length === 0) return found;
  for (const [address, nameOffset] of scan(elf, section, addresses)) {
    const name = readName(elf, section, nameOffset);
    if (name !== '') found.set(address, { name, section: section.kind });
  }
  return found;
}

/** Address -> offset of its symbol's name. */
function scan(elf: ElfFile, section: SymbolSection, addresses: readonly number[]): Map<number, number> {
  const words = readWords(elf, section);
  const count = addresses.length;
  const highest = addresses.at(-1) ?? 0;
  const findFirst = firstNotBelow(Float64Array.from(addresses));
  const isWhole = section.kind === 'symtab';
  const bestName = new Float64Array(count).fill(-1);
  const bestSize = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
  // The nearest symbol at or below each address, whether sized or not; filled in for the first address above it only.
  const floorStart = new Float64Array(count).fill(-1);
  const floorName = new Float64Array(count).fill(-1);

  for (let at = 0; at + SYMBOL_WORDS <= words.length; at += SYMBOL_WORDS) {
    const detail = words[at + 1] ?? 0;
    const type = detail & 0xf;
    const sectionIndex = detail >>> 16;
    if (sectionIndex === 0 || (type !== TYPE_FUNC && type !== TYPE_NONE && type !== TYPE_IFUNC)) continue;
    const start = (words[at + 2] ?? 0) + (words[at + 3] ?? 0) * 2 ** 32;
    const size = (words[at + 4] ?? 0) + (words[at + 5] ?? 0) * 2 ** 32;
    if (start > highest) continue;
    const first = findFirst(start);
    if (start >= (floorStart[first] ?? 0)) {
      floorStart[first] = start;
      floorName[first] = size === 0 && type === TYPE_FUNC && isWhole ? (words[at] ?? 0) : -1;
    }
    // Of several that cover an address (aliases, cold parts) the smallest says most; of equal ones the first.
    for (let index = first; index < count && (addresses[index] ?? 0) < start + size; index++) {
      if (size >= (bestSize[index] ?? 0)) continue;
      bestSize[index] = size;
      bestName[index] = words[at] ?? 0;
    }
  }

  const result = new Map<number, number>();
  let nearest = -1;
  addresses.forEach((address, index) => {
    if (floorStart[index] !== -1) nearest = floorName[index] ?? -1;
    const name = bestName[index] === -1 ? nearest : (bestName[index] ?? -1);
    if (name >= 0) result.set(address, name);
  });
  return result;
}

function readWords(elf: ElfFile, section: SymbolSection): Uint32Array {
  const bytes = Math.min(section.bytes, MAX_TABLE_BYTES);
  const table = elf.read(section.offset, bytes - (bytes % SYMBOL_BYTES));
  return new Uint32Array(table.buffer, table.byteOffset, Math.floor(table.length / 4));
}

const BUCKET_BYTES = 4096;

/** Index of the first address that is not below a value: a table of pages takes most symbols to their answer at once. */
function firstNotBelow(addresses: Float64Array): (value: number) => number {
  const lowest = addresses[0] ?? 0;
  const pages = Math.min(Math.floor(((addresses.at(-1) ?? 0) - lowest) / BUCKET_BYTES) + 1, 1 << 20);
  const firstOfPage = new Uint32Array(pages);
  for (let page = 0, index = 0; page < pages; page++) {
    while ((addresses[index] ?? Number.POSITIVE_INFINITY) < lowest + page * BUCKET_BYTES) index++;
    firstOfPage[page] = index;
  }
  return (value) => {
    if (value <= lowest) return 0;
    let index = firstOfPage[Math.min(Math.floor((value - lowest) / BUCKET_BYTES), pages - 1)] ?? 0;
    while ((addresses[index] ?? Number.POSITIVE_INFINITY) < value) index++;
    return index;
  };
}

function readName(elf: ElfFile, section: SymbolSection, offset: number): string {
  for (let bytes = NAME_PIECE_BYTES; offset < section.stringsBytes; bytes *= 8) {
    const piece = elf.read(section.stringsOffset + offset, Math.min(bytes, section.stringsBytes - offset));
    const end = piece.indexOf(0);
    // .symtab has versions in some names: memcpy@GLIBC_2.14, getenv@@GLIBC_2.2.5.
    if (end !== -1) return piece.toString('latin1', 0, end).replace(/@.*$/s, '');
    if (bytes > MAX_NAME_BYTES || piece.length < bytes) return '';
  }
  return '';
}
