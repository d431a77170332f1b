/** Whose memory a mapping is, by the functions that asked for it. */
export type MappingOwner = 'v8:pages' | 'wasm:memory' | 'wasm:code';

/** Frames from the leaf that are looked at: what calls V8's allocator says nothing about the mapping. */
const LOOKED_AT = 16;

const V8_ALLOCATES =
  /N2v84base2OS8Allocate|N2v84base2OS18SetPermissions|N2v84base20(Bounded|Virtual)|VirtualMemory|VirtualAddressSpace|PageAllocator|MemoryAllocator|CodeRange|N2v88internal19(AllocatePages|SetPermissions)/;
const V8_HEAP =
  /MemoryAllocator|CodeRange|PagedSpace|NewSpace|LargeObject|SemiSpace|ReadOnlySpace|IsolateGroup|IsolateAllocat|PtrComprCage|ExternalPointerTable|ExternalEntityTable|TrustedRange|MemoryPool|N2v88internal4Heap|N2v88internal7Isolate|N2v88internal11Deserializer|MarkingWorklist/;
const WASM_CODE = /WasmCodeManager|WasmCodeAllocator|N2v88internal4wasm1[0-9]NativeModule/;
const WASM_MEMORY = /WasmMemoryObject|wasm|Wasm/;
const BACKING_STORE = /BackingStore/;

/**
 * Recognises the mappings that V8 makes for itself by the mangled names of the innermost frames. Backing stores are the program's
 * memory: those of WebAssembly are told apart, those of resizable ArrayBuffers stay what they are.
 * @param systemNames of the call path, leaf first; '' where unknown.
 */
export function ownerOfMapping(systemNames: readonly string[]): MappingOwner | undefined {
  const inner = systemNames.slice(0, LOOKED_AT);
  // Only what V8 itself calls: an add-on below may have "Heap" in its own names.
  if (!inner.some((name) => V8_ALLOCATES.test(name))) return undefined;
  if (inner.some((name) => WASM_CODE.test(name))) return 'wasm:code';
  if (inner.some((name) => BACKING_STORE.test(name))) {
    return inner.some((name) => WASM_MEMORY.test(name)) ? 'wasm:memory' : undefined;
  }
  return inner.some((name) => V8_HEAP.test(name)) ? 'v8:pages' : undefined;
}
