import type { Rule } from '../rule.js';

/** What an allocator maps for its own use: one that is linked into a library, and whose blocks are not followed therefore. */
const regions = (library: string, functions: readonly string[], modules: readonly string[]): readonly Rule[] => [
  {
    name: `${library}: regions, by name`,
    match: { function: functions, where: 'native', heap: ['mmap', 'mmap.file'] },
    pool: 'allocator',
    arena: `${library}:regions`,
  },
  {
    name: `${library}: regions`,
    match: { module: modules, where: 'leaf', heap: ['mmap', 'mmap.file'] },
    pool: 'allocator',
    arena: `${library}:regions`,
  },
];

export const ALLOCATORS: readonly Rule[] = [
  ...regions('jemalloc', ['je_*', '_rjem_*', 'jemalloc_*', 'os_pages_map'], ['libjemalloc.so*']),
  ...regions('mimalloc', ['mi_*', '_mi_*'], ['libmimalloc.so*', 'libmimalloc-*']),
  ...regions('tcmalloc', ['tcmalloc::*', 'tc_*', 'TCMalloc_*'], ['libtcmalloc*.so*']),
];

/** Last of all: the leaf is the C library, the C++ library or the loader. */
export const C_RUNTIME: readonly Rule[] = [
  {
    name: 'dynamic loader',
    match: { function: ['dlopen', '_dl_*', 'dlerror', '__libc_dlopen*', '__tls_get_addr'], where: 'leaf' },
    pool: 'runtime',
    arena: 'ld.so:loader',
  },
  {
    name: 'dynamic loader, by file',
    match: { module: ['ld-linux*', 'ld-musl*', 'ld-2*', 'libdl.so*', 'libdl-*'], where: 'leaf' },
    pool: 'runtime',
    arena: 'ld.so:loader',
  },
  {
    name: 'C++ library',
    match: {
      module: ['libstdc++.so*', 'libc++.so*', 'libc++abi.so*'],
      where: 'leaf',
      caller: { function: ['_GLOBAL__sub_I*', '_dl_*'] },
    },
    pool: 'runtime',
    arena: 'libstdc++:runtime',
  },
  {
    name: 'C library',
    match: { module: ['libc.so*', 'libc-2*', 'libpthread*', 'libm.so*', 'libnss*', 'libresolv*'], where: 'leaf' },
    pool: 'runtime',
    arena: 'libc:runtime',
  },
];
