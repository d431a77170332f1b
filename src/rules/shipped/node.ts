import type { Rule } from '../rule.js';

const NATIVE_HEAPS = ['libc.malloc', 'mmap', 'mmap.file'];

/** A part of Node, by its C++ and C names. */
const part = (name: string, functions: readonly string[]): Rule => ({
  name: `Node: ${name}`,
  match: { function: functions, where: 'native', heap: NATIVE_HEAPS },
  pool: 'node',
  arena: `node:${name}`,
});

/** A part of Node that is written in JavaScript: its functions lie between the allocation and the program's innermost one. */
const scripts = (name: string, files: readonly string[]): Rule => ({
  name: `Node: ${name}, scripts`,
  match: { script: files, where: 'innermost', heap: NATIVE_HEAPS },
  pool: 'node',
  arena: `node:${name}`,
});

const BACKING_STORE = [
  'node::NodeArrayBufferAllocator::*',
  'node::DebuggingArrayBufferAllocator::*',
  'v8::internal::BackingStore::*',
  'node::Buffer::New*',
  'node::Buffer::Copy*',
];

/** What Node allocates for itself, and the memory of Buffers and typed arrays that the program asks for. */
export const NODE: readonly Rule[] = [
  part('zlib', ['deflate*', 'inflate*', 'Brotli*', 'ZSTD_*', 'node::*Zlib*', 'node::*Brotli*', 'node::*Zstd*']),
  part('tls', [
    'SSL_*',
    'CRYPTO_*',
    'OPENSSL_*',
    'ossl_*',
    'EVP_*',
    'ERR_*',
    'X509_*',
    'BIO_*',
    'node::crypto::*',
    'ncrypto::*',
  ]),
  part('http', [
    'llhttp_*',
    'node::*http_parser*',
    'node::(anonymous namespace)::Parser::*',
    'nghttp2_*',
    'node::http2::*',
  ]),
  part('sqlite', ['sqlite3*', 'node::sqlite::*']),
  part('icu', [
    'icu_*::*',
    'icu::*',
    'ures_*',
    '_uhash_*',
    'uhash_*',
    'ucnv_*',
    'udata_*',
    'uloc_*',
    'uset_*',
    'node::i18n::*',
  ]),
  part('inspector', ['node::inspector::*', 'v8_inspector::*']),
  part('modules', ['node::loader::*', 'node::contextify::*']),
  part('fs', ['node::fs::*', 'uv_fs_*', 'uv__fs_*']),
  part('net', [
    'node::LibuvStreamWrap::*',
    'node::StreamBase::*',
    'node::TCPWrap::*',
    'node::UDPWrap::*',
    'node::cares_wrap::*',
    'ares_*',
  ]),
  part('workers', ['node::worker::*']),
  {
    name: 'Node: pool of small Buffers',
    match: {
      function: BACKING_STORE,
      where: 'native',
      caller: { function: ['createPool', 'allocPool'], script: 'node:*' },
    },
    pool: 'node',
    arena: 'node:buffer-pool',
  },
  {
    name: 'Node: Buffers of module sources',
    match: { function: BACKING_STORE, where: 'native', caller: { script: 'node:internal/modules/*' } },
    pool: 'node',
    arena: 'node:modules',
  },
  {
    name: 'Buffers and typed arrays',
    match: { function: BACKING_STORE, where: 'native' },
    pool: 'buffers',
    arena: 'node:buffers',
  },
];

/** After V8's own: what is left of Node, by its scripts and then by the leaf. */
export const NODE_REST: readonly Rule[] = [
  scripts('modules', ['node:internal/modules/*', 'node:internal/main/*', 'node:internal/bootstrap/*']),
  scripts('http', [
    'node:_http_*',
    'node:http',
    'node:https',
    'node:http2',
    'node:internal/http*',
    'node:internal/deps/undici/*',
  ]),
  scripts('zlib', ['node:zlib']),
  scripts('tls', ['node:tls', 'node:_tls_*', 'node:crypto', 'node:internal/crypto/*', 'node:internal/tls/*']),
  scripts('fs', ['node:fs', 'node:fs/*', 'node:internal/fs/*']),
  scripts('net', ['node:net', 'node:dgram', 'node:dns', 'node:internal/dns/*', 'node:internal/stream_base_commons']),
  {
    name: 'Node: libuv',
    match: { function: ['uv_*', 'uv__*'], where: 'leaf' },
    pool: 'node',
    arena: 'node:libuv',
  },
  {
    name: 'Node: Node-API',
    match: { function: ['napi_*', 'v8impl::*', 'node_api_*'], where: 'leaf' },
    pool: 'node',
    arena: 'node:napi',
  },
  {
    name: 'Node: other',
    match: { module: ['node', 'nodejs', 'libnode.so*'], where: 'leaf' },
    pool: 'node',
    arena: 'node:other',
  },
];
