import type { Symbols } from '../../recording/chunks.js';
import { decodeFrame } from '../frame-word.js';
import type { MapLines } from '../map-lines.js';
import type { ModuleIndex } from '../modules.js';
import { demangle } from './demangle.js';
import { type ElfFile, openElf } from './elf.js';
import { type FoundSymbol, findSymbols } from './symbol-table.js';

/** A frame word and the place in a file that its call instruction came from. */
interface Place {
  readonly word: bigint;
  readonly address: number;
  /** False: `address` is a file offset, since no module that the sampler knows covers it. */
  readonly isVirtual: boolean;
}

interface Binary {
  readonly path: string;
  readonly buildId: string;
  readonly places: Place[];
}

type NativeSymbols = Pick<Symbols, 'modules' | 'native'>;

/** Names the native frames among `words`. */
export type SymbolizeNative = (words: Iterable<bigint>, modules: ModuleIndex, mapLines: MapLines) => NativeSymbols;

/**
 * Takes names from the files on this machine; a file with another build id than the one that was profiled is not used. The
 * processes of one run share readable names.
 */
export function createNativeSymbolizer(): SymbolizeNative {
  const readable = new Map<string, string>();
  return (words, modules, mapLines) => resolve([...binariesOf(words, modules, mapLines)], readable);
}

function binariesOf(words: Iterable<bigint>, modules: ModuleIndex, mapLines: MapLines): Iterable<Binary> {
  const binaries = new Map<string, Binary>();
  for (const word of words) {
    const frame = decodeFrame(word);
    if (frame.kind !== 'native' || frame.address === 0n) continue;
    // A return address: the call is before it.
    const address = frame.address - 1n;
    const module = modules.find(address, frame.generation);
    if (module !== undefined) {
      const virtual = Number(BigInt.asUintN(64, address - module.bias));
      add(binaries, module.path, module.buildId, { word, address: virtual, isVirtual: true });
      continue;
    }
    // V8 maps its builtins a second time, out of the loader's sight; /proc/PID/maps knows the file.
    const line = mapLines.find(address);
    if (line === undefined) continue;
    const offset = Number(address - line.start + line.fileOffset);
    add(binaries, line.path, modules.buildIdOf(line.path), { word, address: offset, isVirtual: false });
  }
  return binaries.values();
}

function add(binaries: Map<string, Binary>, path: string, buildId: string, place: Place): void {
  const key = `${path}\0${buildId}`;
  const binary = binaries.get(key);
  if (binary === undefined) binaries.set(key, { path, buildId, places: [place] });
  else binary.places.push(place);
}

function resolve(binaries: readonly Binary[], readable: Map<string, string>): NativeSymbols {
  const modules: Symbols['modules'][number][] = [];
  const native: Symbols['native'][number][] = [];
  for (const binary of binaries) {
    const elf = openMatching(binary);
    const index = modules.length;
    const places = binary.places.map(({ word, address, isVirtual }) => ({
      word,
      address: isVirtual ? address : toVirtual(elf, address),
    }));
    const found =
      elf === undefined
        ? new Map<number, FoundSymbol>()
        : findSymbols(elf, ascending(places.map((place) => place.address)));
    for (const { word, address } of places) {
      const systemName = found.get(address)?.name ?? '';
      const name = readable.get(systemName) ?? demangle(systemName);
      readable.set(systemName, name);
      native.push([word.toString(16), index, systemName, name, address]);
    }
    const sections = new Set([...found.values()].map((symbol) => symbol.section));
    const symbols = sections.has('symtab') ? 'symtab' : sections.has('dynsym') ? 'dynsym' : 'none';
    modules.push({ path: binary.path, buildId: binary.buildId, symbols });
    elf?.close();
  }
  return { modules, native };
}

function openMatching({ path, buildId }: Binary): ElfFile | undefined {
  const elf = openElf(path);
  // The store cuts long ids to 20 bytes.
  if (elf === undefined || buildId === '' || elf.buildId.startsWith(buildId)) return elf;
  elf.close();
  return undefined;
}

function toVirtual(elf: ElfFile | undefined, fileOffset: number): number {
  const segment = elf?.segments.find(
    ({ fileOffset: start, fileBytes }) => start <= fileOffset && fileOffset < start + fileBytes,
  );
  return segment === undefined ? fileOffset : fileOffset - segment.fileOffset + segment.virtualAddress;
}

function ascending(numbers: readonly number[]): number[] {
  return [...new Set(numbers)].sort((a, b) => a - b);
}
