import { describe, expect, it } from 'vitest';
import type { CodeFrame } from '../../src/model/recognise.ts';
import { createRecogniser } from '../../src/rules/recogniser.ts';
import { SHIPPED_RULES } from '../../src/rules/shipped/index.ts';
import { parseConfig } from '../../src/schema/config.ts';

const recogniser = createRecogniser(SHIPPED_RULES);

/** A frame as `name {module}`, or `name script` for JavaScript. */
function frame(text: string): CodeFrame {
  const [, name = '', module] = /^(.*) \{(.*)\}$/.exec(text) ?? [];
  if (module !== undefined) return { name, module: `/usr/lib/${module}`, script: '' };
  const at = text.lastIndexOf(' ');
  return { name: text.slice(0, at), module: '', script: text.slice(at + 1) };
}

function arenaOf(
  frames: readonly string[],
  place: { heap?: string; region?: string; mappedFile?: string } = {},
): string {
  const path = recogniser.path(frames.map((text) => recogniser.frame(frame(text))));
  const found = recogniser.recognise(path, { heap: 'libc.malloc', ...place });
  return found === undefined ? 'unknown' : `${found.pool} > ${found.arena}`;
}

const ADDON = [
  'llama_init_from_model {libllama.so}',
  'AddonContextLoadContextWorker::Execute() {llama-addon.node}',
  'worker {node}',
];
const CPU_BUFFER = [
  'ggml_aligned_malloc {libggml-base.so}',
  'ggml_backend_cpu_buffer_type_alloc_buffer(ggml_backend_buffer_type*, unsigned long) {libggml-base.so}',
];
const PINNED_BUFFER = [
  'ggml_cuda_host_malloc {libggml-cuda.so}',
  'ggml_backend_cuda_host_buffer_type_alloc_buffer(ggml_backend_buffer_type*, unsigned long) {libggml-cuda.so}',
];
const ORT = ['x+0x1 {libonnxruntime.so.1}', 'x+0x2 {libonnxruntime.so.1}'];
const APP = ['v8::internal::Builtin_HandleApiCall(int) {node}', 'Cache.grow /app/cache.mjs', 'main {node}'];
const BACKING = [
  'node::NodeArrayBufferAllocator::Allocate(unsigned long) {node}',
  'v8::internal::BackingStore::Allocate(v8::internal::Isolate*) {node}',
];

describe('the rules that memprof comes with', () => {
  it('have unique names, arenas of the form <library>:<kind>, and would be taken from a file', () => {
    const { rules } = parseConfig(JSON.stringify({ version: 1, rules: SHIPPED_RULES }), 'shipped');
    expect(rules).toEqual(SHIPPED_RULES);
    for (const { arena } of SHIPPED_RULES) expect(arena).toMatch(/^[a-z0-9.+-]+:[a-z0-9-]+(\/[A-Za-z_]+)?$/);
  });

  it.each<[string, string[], object?]>([
    [
      'weights > llama.cpp:weights',
      [...CPU_BUFFER, 'llama_model_base::load_tensors(llama_model_loader&) {libllama.so}', 'worker {node}'],
    ],
    [
      'weights > llama.cpp:weights/CPU_Mapped',
      [
        'llama_mmap::impl::impl(llama_file*, unsigned long) {libllama.so}',
        'llama_model_base::load_tensors(llama_model_loader&) {libllama.so}',
      ],
      { heap: 'mmap.file' },
    ],
    [
      'weights > llama.cpp:weights/CPU_REPACK',
      [
        'ggml_aligned_malloc {libggml.so}',
        'ggml_backend_cpu_repack_buffer_type_alloc_buffer(x*, unsigned long) {libggml-cpu.so}',
        'llama_model::load_tensors(llama_model_loader&) {libllama.so}',
      ],
    ],
    [
      'weights > llama.cpp:weights/CUDA_Host',
      [...PINNED_BUFFER, 'llama_model::load_tensors(llama_model_loader&) {libllama.so}'],
    ],
    [
      'model > llama.cpp:model',
      [
        'ggml_aligned_malloc {libggml.so}',
        'ggml_init {libggml.so}',
        'llama_model_base::load_tensors(llama_model_loader&) {libllama.so}',
      ],
    ],
    [
      'model > llama.cpp:vocabulary',
      [
        'operator new(unsigned long) {libstdc++.so.6}',
        'llama_vocab::impl::load(llama_model_loader&, LLM_KV const&) {libllama.so}',
        'llama_model_load {libllama.so}',
      ],
    ],
    [
      'kv-cache > llama.cpp:kv-cache',
      [
        ...CPU_BUFFER,
        'alloc_tensor_range {libggml-base.so}',
        'llama_kv_cache::llama_kv_cache(llama_model const&, int) {libllama.so}',
        ...ADDON,
      ],
    ],
    [
      'kv-cache > llama.cpp:kv-cache',
      [...CPU_BUFFER, 'llama_kv_cache_unified::llama_kv_cache_unified(int) {libllama.so}', ...ADDON],
    ],
    [
      'scratch > llama.cpp:kv-cells',
      ['operator new(unsigned long) {libstdc++.so.6}', 'llama_kv_cache::llama_kv_cache(int) {libllama.so}', ...ADDON],
    ],
    [
      'compute > llama.cpp:compute',
      [
        ...CPU_BUFFER,
        'ggml_gallocr_reserve_n_impl {libggml-base.so}',
        'ggml_backend_sched_reserve {libggml-base.so}',
        'llama_context::sched_reserve() {libllama.so}',
        ...ADDON,
      ],
    ],
    ['compute > llama.cpp:compute/CUDA_Host', [...PINNED_BUFFER, 'ggml_gallocr_reserve_n {libggml-base.so}', ...ADDON]],
    ['output > llama.cpp:output', [...CPU_BUFFER, 'llama_context::output_reserve(int) {libllama.so}', ...ADDON]],
    [
      'scratch > llama.cpp:graph',
      ['ggml_backend_sched_new {libggml-base.so}', 'llama_context::sched_reserve() {libllama.so}', ...ADDON],
    ],
    [
      'scratch > llama.cpp:threads',
      [
        'ggml_threadpool_new_impl.constprop.0 {libggml-cpu.so}',
        'ggml_graph_compute {libggml-cpu.so}',
        'llama_decode {libllama.so}',
      ],
    ],
    ['scratch > llama.cpp:other', ['libggml-cpu.so+0x1234 {libggml-cpu.so}', 'start_thread {libc.so.6}']],
    ['tensors > ggml:buffers', [...CPU_BUFFER, 'whisper_init {libwhisper.so}']],
    [
      'weights > onnxruntime:initializers',
      [
        'operator new(unsigned long, std::align_val_t) {libstdc++.so.6}',
        ...ORT,
        'InferenceSessionWrap::LoadModel(Napi::CallbackInfo const&) {onnxruntime_binding.node}',
        ...APP,
      ],
    ],
    [
      'weights > onnxruntime:initializers',
      [...ORT, 'InferenceSessionWrap::LoadModel(Napi::CallbackInfo const&) {onnxruntime_binding.node}', ...APP],
    ],
    [
      'session > onnxruntime:session',
      [
        'operator new(unsigned long) {libstdc++.so.6}',
        ...ORT,
        'InferenceSessionWrap::LoadModel(Napi::CallbackInfo const&) {onnxruntime_binding.node}',
        ...APP,
      ],
    ],
    [
      'tensors > onnxruntime:arena',
      [
        'operator new(unsigned long, std::align_val_t) {libstdc++.so.6}',
        ...ORT,
        'InferenceSessionWrap::Run(Napi::CallbackInfo const&) {onnxruntime_binding.node}',
        ...APP,
      ],
    ],
    [
      'tensors > onnxruntime:arena',
      ['onnxruntime::BFCArena::Extend(unsigned long) {libonnxruntime.so}', 'work {libonnxruntime.so}'],
    ],
    [
      'scratch > onnxruntime:scratch',
      [
        'operator new(unsigned long) {libstdc++.so.6}',
        ...ORT,
        'InferenceSessionWrap::Run(Napi::CallbackInfo const&) {onnxruntime_binding.node}',
        ...APP,
      ],
    ],
    [
      'output > onnxruntime:outputs',
      [
        ...BACKING,
        'napi_create_arraybuffer {node}',
        'OrtValueToNapiValue(Napi::Env, Ort::Value&&) {onnxruntime_binding.node}',
        ...APP,
      ],
    ],
    [
      'scratch > onnxruntime:threads',
      ['operator new(unsigned long) {libstdc++.so.6}', ...ORT, 'start_thread {libc.so.6}'],
    ],
    [
      'runtime > onnxruntime:environment',
      [
        'operator new(unsigned long) {libstdc++.so.6}',
        ...ORT,
        'InitOrtOnceWrap(Napi::CallbackInfo const&) {onnxruntime_binding.node}',
        ...APP,
      ],
    ],
    ['buffers > node:buffers', [...BACKING, ...APP]],
    [
      'node > node:buffer-pool',
      [...BACKING, 'createPool node:buffer', 'allocate node:buffer', 'Cache.grow /app/cache.mjs'],
    ],
    [
      'node > node:zlib',
      [
        'deflateInit2_ {node}',
        'node::(anonymous namespace)::ZlibContext::Init(int) {node}',
        'ZlibBase node:zlib',
        'zip /app/a.mjs',
      ],
    ],
    [
      'node > node:tls',
      ['CRYPTO_malloc {node}', 'SSL_new {node}', 'node::crypto::TLSWrap::InitSSL() {node}', 'connect node:_tls_wrap'],
    ],
    [
      'node > node:http',
      [
        'malloc {libc.so.6}',
        'node::(anonymous namespace)::Parser::OnBody(char const*) {node}',
        'llhttp__internal_execute {node}',
        'uv__read {node}',
      ],
    ],
    [
      'node > node:icu',
      ['uprv_malloc_78 {node}', 'icu_78::Locale::init(char const*) {node}', 'toLocaleString /app/a.mjs'],
    ],
    [
      'node > node:fs',
      [
        'uv__malloc {node}',
        'uv_fs_read {node}',
        'node::fs::Read(v8::FunctionCallbackInfo<v8::Value> const&) {node}',
        'readSync node:fs',
        'a /app/a.mjs',
      ],
    ],
    ['node > node:libuv', ['uv__malloc {node}', 'uv_loop_init {node}', 'main {node}']],
    [
      'v8 > v8:zones',
      [
        'operator new(unsigned long) {libstdc++.so.6}',
        'v8::internal::Zone::Expand(unsigned long) {node}',
        'v8::internal::compiler::PipelineImpl::OptimizeGraph() {node}',
      ],
    ],
    [
      'v8 > v8:native',
      [
        'operator new(unsigned long) {libstdc++.so.6}',
        'v8::internal::GlobalHandles::Create(unsigned long) {node}',
        'a /app/a.mjs',
      ],
    ],
    ['v8 > v8:pages', ['v8::base::OS::Allocate(void*) {node}'], { heap: 'v8', region: 'v8:pages' }],
    ['wasm > wasm:memory', ['v8::base::OS::Allocate(void*) {node}'], { heap: 'wasm', region: 'wasm:memory' }],
    [
      'code > v8:builtins',
      ['v8::base::OS::RemapPages(void const*) {node}', 'v8::internal::CodeRange::RemapEmbeddedBuiltins(int) {node}'],
      { heap: 'mmap.file' },
    ],
    ['allocator > jemalloc:regions', ['pages_map {libjemalloc.so.2}', 'work {app.node}'], { heap: 'mmap' }],
    ['allocator > mimalloc:regions', ['_mi_os_alloc {addon.node}', 'mi_malloc {addon.node}'], { heap: 'mmap' }],
    ['allocator > tcmalloc:regions', ['tcmalloc::SystemAlloc(unsigned long) {addon.node}'], { heap: 'mmap' }],
    ['weights > model-file:gguf', ['map {reader.node}', ...APP], { heap: 'mmap.file', mappedFile: '/models/q4.gguf' }],
    [
      'weights > model-file:safetensors',
      ['map {reader.node}'],
      { heap: 'mmap.file', mappedFile: '/m/model-00001.safetensors' },
    ],
    ['runtime > libc:runtime', ['libc.so.6+0x3ddfe {libc.so.6}', 'main {app}']],
    ['runtime > ld.so:loader', ['_dl_new_object {ld-linux-x86-64.so.2}', 'main {app}']],
    ['unknown', ['work(int) {some-addon.node}', ...APP]],
    ['unknown', ['map {reader.node}', ...APP], { heap: 'mmap.file', mappedFile: '/data/index.db' }],
  ])('%s', (expected, frames, place) => {
    expect(arenaOf(frames, place)).toBe(expected);
  });

  it('do not take what a callback of the program allocates for the memory of the library that calls it', () => {
    const addon = ['operator new(unsigned long) {libstdc++.so.6}', 'work {some-addon.node}', 'onToken /app/a.mjs'];
    expect(arenaOf([...addon, 'node::(anonymous namespace)::Parser::OnBody() {node}'])).toBe('unknown');
    expect(arenaOf([...addon, ...ORT, 'InferenceSessionWrap::Run() {onnxruntime_binding.node}'])).toBe('unknown');
  });
});
