import type { LedgerLineName } from '../model/ledger.js';
import { REGION_FLAG, type RegionRow } from '../recording/ledger.js';

const { read: R, write: W, execute: X, dontFork } = REGION_FLAG;
/** V8 asks for its pages at random addresses below this; the kernel gives others addresses above. */
export const V8_PAGES_BELOW = 0x4000_0000_0000;
/** And above this: there a program that is linked to a fixed address and its heap lie. */
const V8_PAGES_ABOVE = 0x1_0000_0000;
/** V8 reserves this much address space for code, for all isolates of a process. */
const CODE_RANGE_BYTES = 512 << 20;
/** A memory of 32-bit WebAssembly is reserved with guards around it: 8 to 10 GiB. */
const WASM_RESERVE_BYTES = 4 * 2 ** 30;

export interface V8Owner {
  readonly line: LedgerLineName;
  readonly source: string;
}

/** Whose among V8's a region is; undefined if it is not V8's. */
export interface V8Places {
  ownerOf(index: number): V8Owner | undefined;
}

/**
 * V8 marks what it maps as not to be copied at fork (VmFlags dc), which others hardly do; address, permissions and the size
 * of the reservation around it tell the rest.
 */
export function createV8Places(regions: readonly RegionRow[], executable: string | undefined): V8Places {
  const runOf = findRuns(regions);
  const isNode = executable !== undefined;

  return {
    ownerOf(index) {
      const region = regions[index];
      if (region === undefined || !isNode || !isV8s(region)) return undefined;
      const [start, , flags] = region;
      const run = runOf[index];
      if (start < V8_PAGES_BELOW && start >= V8_PAGES_ABOVE && (flags & X) === 0) {
        return { line: 'v8Heap', source: 'flags and address' };
      }
      if (run === undefined) return { line: 'v8Other', source: 'flags' };
      // Reservations may follow each other without a gap: the memory's own is just behind it.
      if ((flags & (W | X)) === W && isLargeReserve(regions[index + 1], region)) {
        return { line: 'wasmMemory', source: 'flags and reservation' };
      }
      if (run.hasCode) {
        const isRange = run.hasBuiltins || run.bytes >= CODE_RANGE_BYTES - (16 << 20);
        return isRange && (run.hasBuiltins || (flags & X) !== 0)
          ? { line: 'v8Code', source: 'flags and reservation' }
          : { line: (flags & X) !== 0 ? 'wasmCode' : 'v8Other', source: 'flags and reservation' };
      }
      return { line: 'v8Other', source: 'flags' };
    },
  };
}

function isV8s([, , flags, path]: RegionRow): boolean {
  return path === -1 && (flags & dontFork) !== 0;
}

function isLargeReserve(next: RegionRow | undefined, region: RegionRow): boolean {
  if (next === undefined || next[0] !== region[0] + region[1] || !isV8s(next)) return false;
  return (next[2] & (R | W | X)) === 0 && next[1] >= WASM_RESERVE_BYTES;
}

interface Run {
  bytes: number;
  hasCode: boolean;
  /** Part of the binary is mapped into it: V8's builtins, near the code that calls them. */
  hasBuiltins: boolean;
}

/** Regions of V8's that follow each other without a gap, with the builtins mapped among them. */
function findRuns(regions: readonly RegionRow[]): (Run | undefined)[] {
  const runs: (Run | undefined)[] = [];
  let run: Run | undefined;
  regions.forEach((region, index) => {
    const before = regions[index - 1];
    const after = regions[index + 1];
    const follows = before !== undefined && before[0] + before[1] === region[0];
    const isBuiltins =
      region[3] !== -1 &&
      (region[2] & X) !== 0 &&
      follows &&
      isV8s(before) &&
      after !== undefined &&
      after[0] === region[0] + region[1] &&
      isV8s(after);
    if (!isV8s(region) && !isBuiltins) {
      run = undefined;
      return;
    }
    if (run === undefined || !follows) run = { bytes: 0, hasCode: false, hasBuiltins: false };
    run.bytes += region[1];
    run.hasCode ||= (region[2] & X) !== 0;
    run.hasBuiltins ||= isBuiltins;
    runs[index] = run;
  });
  return runs;
}
