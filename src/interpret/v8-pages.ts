/** Whose memory a mapping is, by the functions that asked for it. */
export type MappingOwner = 'v8:pages' | 'v8:code_range' | 'wasm:memory' | 'wasm:code';

/** Frames from the leaf in which the call into V8's layer over the operating system must be. */
const DOOR_DEPTH = 4;
const DOOR =
  /^_ZN2v84base2OS|^_ZN2v84base.*(VirtualAddress|PageAllocator|AddressSpace)|^_ZN2v88internal(13VirtualMemory|L?\d+AllocatePages)/;
const CODE_RANGE = /^_ZN2v88internal9CodeRange15InitReservation/;
const WASM_CODE = /^_ZNK?2v88internal4wasm\d+(WasmCode|NativeModule|WasmMemoryProtection)/;
const BACKING_STORE = /^_ZNK?2v88internal12BackingStore/;
const WASM_MEMORY = /^_ZNK?2v88internal12BackingStore.*(Wasm|wasm)|^_ZNK?2v88internal16WasmMemoryObject/;
/** What asks for pages of V8's own heaps. A collection that somebody's allocation set off is found here first. */
const V8_HEAP = /^_ZNK?2v88internal(15MemoryAllocator|4Heap|9CodeRange)|^_ZN6cppgc8internal/;
/** Callers of a backing store's allocation that can still tell whose it is. */
const CALLERS = 4;

/**
 * Recognises the mappings that V8 makes for itself by the mangled names of the innermost frames: the first that tells decides.
 * Backing stores are the program's memory: those of WebAssembly are told apart, those of resizable ArrayBuffers stay 'mmap'.
 * @param systemNames of the call path, leaf first; '' where unknown.
 */
export function ownerOfMapping(systemNames: readonly string[]): MappingOwner | undefined {
  const door = systemNames.slice(0, DOOR_DEPTH).findIndex((name) => DOOR.test(name));
  if (door === -1) return undefined;
  for (const [index, name] of systemNames.entries()) {
    if (CODE_RANGE.test(name)) return 'v8:code_range';
    if (WASM_CODE.test(name)) return 'wasm:code';
    if (BACKING_STORE.test(name)) {
      const callers = systemNames.slice(index, index + CALLERS);
      return callers.some((caller) => WASM_MEMORY.test(caller)) ? 'wasm:memory' : undefined;
    }
    if (V8_HEAP.test(name)) return 'v8:pages';
  }
  // Through V8's door and for nothing else that we know: isolate data, pointer tables, sandbox.
  return 'v8:pages';
}
