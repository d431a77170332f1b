/**
 * When the blocks that are live now were allocated, by address: a hash table in flat arrays, since a recording has millions of events. Memory
 * is that of the most blocks that were ever live at once.
 */
export interface BlockTimes {
  /** Addresses below 2^53 and above 0. One that is there already gets the new time. */
  set(address: number, timeNs: number): void;
  /** The time, and forgets the block; undefined if it is not there. */
  take(address: number): number | undefined;
}

const FIRST_CAPACITY = 1024;

export function createBlockTimes(): BlockTimes {
  let addresses = new Float64Array(FIRST_CAPACITY);
  let times = new Float64Array(FIRST_CAPACITY);
  let mask = FIRST_CAPACITY - 1;
  let used = 0;

  /** Where the address is, or the empty place where it belongs. */
  function find(address: number): number {
    let at = home(address, mask);
    while (addresses[at] !== 0 && addresses[at] !== address) at = (at + 1) & mask;
    return at;
  }

  function grow(): void {
    const [oldAddresses, oldTimes] = [addresses, times];
    addresses = new Float64Array(oldAddresses.length * 2);
    times = new Float64Array(oldAddresses.length * 2);
    mask = addresses.length - 1;
    for (let from = 0; from < oldAddresses.length; from++) {
      const address = oldAddresses[from] ?? 0;
      if (address === 0) continue;
      const at = find(address);
      addresses[at] = address;
      times[at] = oldTimes[from] ?? 0;
    }
  }

  /** Closes the gap: what follows moves up if it may stand there (linear probing without tombstones, Knuth 6.4, algorithm R). */
  function remove(hole: number): void {
    let gap = hole;
    for (let at = (gap + 1) & mask; addresses[at] !== 0; at = (at + 1) & mask) {
      const wanted = home(addresses[at] ?? 0, mask);
      if (((at - wanted) & mask) < ((at - gap) & mask)) continue;
      addresses[gap] = addresses[at] ?? 0;
      times[gap] = times[at] ?? 0;
      gap = at;
    }
    addresses[gap] = 0;
    used--;
  }

  return {
    set(address, timeNs) {
      let at = find(address);
      if (addresses[at] === 0) {
        if (++used * 2 > mask) {
          grow();
          at = find(address);
        }
        addresses[at] = address;
      }
      times[at] = timeNs;
    },
    take(address) {
      const at = find(address);
      if (addresses[at] === 0) return undefined;
      const timeNs = times[at];
      remove(at);
      return timeNs;
    },
  };
}

/** Blocks lie 16 bytes apart; the factor is that of Fibonacci hashing. */
function home(address: number, mask: number): number {
  const low = address >>> 4;
  const high = Math.floor(address / 2 ** 32);
  const mixed = Math.imul(low ^ Math.imul(high, 0x85ebca6b), 0x9e3779b1);
  return (mixed ^ (mixed >>> 15)) & mask;
}
