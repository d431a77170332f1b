import type { Symbols } from '../../recording/chunks.js';
import { decodeFrame } from '../frame-word.js';
import type { MapLines } from '../map-lines.js';
import type { ModuleIndex } from '../modules.js';
import { demangle } from './demangle.js';
import { type ElfFile, openElf } from './elf.js';
import { findSymbols } from './symbol-table.js';

/** A frame word with the file and the place in it that its call instruction came from. */
interface Place {
  readonly word: bigint;
  /** Virtual address within the file, if the file is known; else file offset. */
  readonly address: number;
}

interface Binary {
  readonly path: string;
  readonly buildId: string;
  /** False: places are file offsets, since the address lies in no module that the sampler knows. */
  readonly isVirtual: boolean;
  readonly places: Place[];
}

type NativeSymbols = Pick<Symbols, 'modules' | 'native'>;

/**
 * Names the native frames among `words` from the files on this machine. A file with another build id than the one that was
 * profiled is not used.
 */
export function symbolizeNative(words: Iterable<bigint>, modules: ModuleIndex, mapLines: MapLines): NativeSymbols {
  const binaries = new Map<string, Binary>();
  for (const word of words) {
    const frame = decodeFrame(word);
    if (frame.kind !== 'native' || frame.address === 0n) continue;
    // A return address: the call is before it.
    const address = frame.address - 1n;
    const module = modules.find(address, frame.generation);
    if (module !== undefined) {
      const virtual = Number(BigInt.asUintN(64, address - module.bias));
      add(binaries, module.path, module.buildId, true, { word, address: virtual });
      continue;
    }
    // V8 maps its builtins a second time, out of the loader's sight; /proc/PID/maps knows the file.
    const line = mapLines.find(address);
    if (line === undefined) continue;
    const buildId = modules.buildIdOf(line.path);
    add(binaries, line.path, buildId, false, { word, address: Number(address - line.start + line.fileOffset) });
  }
  return resolve([...binaries.values()]);
}

function add(binaries: Map<string, Binary>, path: string, buildId: string, isVirtual: boolean, place: Place): void {
  const key = `${path}\0${buildId}\0${isVirtual}`;
  const binary = binaries.get(key);
  if (binary === undefined) binaries.set(key, { path, buildId, isVirtual, places: [place] });
  else binary.places.push(place);
}

function resolve(binaries: readonly Binary[]): NativeSymbols {
  const modules: Symbols['modules'][number][] = [];
  const native: Symbols['native'][number][] = [];
  for (const binary of binaries) {
    const elf = openMatching(binary);
    const index = modules.length;
    const places = binary.places.map(({ word, address }) => ({
      word,
      address: binary.isVirtual ? address : toVirtual(elf, address),
    }));
    const found = elf === undefined ? new Map() : findSymbols(elf, ascending(places.map((place) => place.address)));
    for (const { word, address } of places) {
      const systemName = found.get(address)?.name ?? '';
      native.push([word.toString(16), index, systemName, demangle(systemName), address]);
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
