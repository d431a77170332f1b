import type { Rule } from '../rule.js';

/** V8: its spaces, its code and what it allocates beside its heap; WebAssembly. */
export const V8: readonly Rule[] = [
  { name: 'V8: pages', match: { region: 'v8:pages' }, pool: 'v8', arena: 'v8:pages' },
  { name: 'WebAssembly: memories', match: { region: 'wasm:memory' }, pool: 'wasm', arena: 'wasm:memory' },
  { name: 'WebAssembly: code', match: { region: 'wasm:code' }, pool: 'code', arena: 'wasm:code' },
  {
    name: 'V8: builtins',
    match: {
      function: [
        'v8::internal::CodeRange::*',
        '*::MaybeRemapEmbeddedBuiltinsIntoCodeRange',
        'v8::internal::*EmbeddedData*',
      ],
      heap: ['mmap', 'mmap.file'],
    },
    pool: 'code',
    arena: 'v8:builtins',
  },
];

/** Only the leaf tells: V8 is on every stack that JavaScript is on. */
export const V8_REST: readonly Rule[] = [
  {
    name: 'WebAssembly: compiler and modules',
    match: { function: ['v8::internal::wasm::*', '*::wasm::*'], where: 'native' },
    pool: 'wasm',
    arena: 'wasm:modules',
  },
  {
    name: 'V8: zones',
    match: { function: ['v8::internal::Zone::*', 'v8::internal::AccountingAllocator::*'], where: 'native' },
    pool: 'v8',
    arena: 'v8:zones',
  },
  {
    name: 'V8: beside its heap',
    match: { function: ['v8::*', 'cppgc::*', 'heap::base::*'], where: 'leaf' },
    pool: 'v8',
    arena: 'v8:native',
  },
];
