import type { Rule } from '../rule.js';

/** What takes the memory of a tensor buffer; everything else is small and for bookkeeping. */
const BUFFER = ['ggml_backend_*buffer_type_alloc_buffer', 'ggml_backend_alloc_buffer'];
const REPACKED = [
  'ggml_backend_cpu_repack_buffer_type_alloc_buffer',
  'ggml_backend_cpu_aarch64_buffer_type_alloc_buffer',
];
const PINNED = ['ggml_backend_cuda_host_buffer_type_alloc_buffer', 'ggml_cuda_host_malloc'];
const LOAD = ['llama_model*::load_tensors', 'llama_model_load*', 'llama_load_model*'];
const KV_CACHE = ['llama_kv_cache*::llama_kv_cache*', 'llama_memory_*::llama_memory_*'];
const OUTPUT = 'llama_context::output_reserve';
const RESERVE = ['ggml_gallocr_*', 'ggml_backend_sched_*', 'ggml_vbuffer_alloc'];
const LIBRARIES = ['libllama.*', 'libllama-*', 'libggml*', 'llama-addon.node', 'libmtmd*'];

/**
 * llama.cpp and ggml, by the names that their libraries export. The sizes are those of llama.cpp's own log ("KV buffer size"). A buffer
 * that is not a plain one of the CPU has its name behind the arena's, as the log spells it.
 */
export const LLAMA: readonly Rule[] = [
  {
    name: 'llama.cpp: mapped weights',
    match: { function: 'llama_mmap::*' },
    pool: 'weights',
    arena: 'llama.cpp:weights/CPU_Mapped',
  },
  {
    name: 'llama.cpp: repacked weights',
    match: { function: REPACKED, caller: { function: LOAD } },
    pool: 'weights',
    arena: 'llama.cpp:weights/CPU_REPACK',
  },
  {
    name: 'llama.cpp: pinned weights',
    match: { function: PINNED, caller: { function: LOAD } },
    pool: 'weights',
    arena: 'llama.cpp:weights/CUDA_Host',
  },
  {
    name: 'llama.cpp: weights',
    match: { function: BUFFER, caller: { function: LOAD } },
    pool: 'weights',
    arena: 'llama.cpp:weights',
  },
  {
    name: 'llama.cpp: LoRA adapters',
    match: { function: BUFFER, caller: { function: 'llama_adapter_lora*' } },
    pool: 'weights',
    arena: 'llama.cpp:lora',
  },
  {
    name: 'llama.cpp: KV cache',
    match: { function: BUFFER, caller: { function: KV_CACHE } },
    pool: 'kv-cache',
    arena: 'llama.cpp:kv-cache',
  },
  {
    name: 'llama.cpp: pinned output',
    match: { function: PINNED, caller: { function: OUTPUT } },
    pool: 'output',
    arena: 'llama.cpp:output/CUDA_Host',
  },
  {
    name: 'llama.cpp: output',
    match: { function: BUFFER, caller: { function: OUTPUT } },
    pool: 'output',
    arena: 'llama.cpp:output',
  },
  {
    name: 'llama.cpp: pinned compute buffers',
    match: { function: PINNED, caller: { function: RESERVE } },
    pool: 'compute',
    arena: 'llama.cpp:compute/CUDA_Host',
  },
  {
    name: 'llama.cpp: compute buffers',
    match: { function: BUFFER, caller: { function: RESERVE } },
    pool: 'compute',
    arena: 'llama.cpp:compute',
  },
  {
    name: 'ggml: other tensor buffers',
    match: { function: BUFFER },
    pool: 'tensors',
    arena: 'ggml:buffers',
  },
  {
    name: 'llama.cpp: cells of the KV cache',
    match: { function: [...KV_CACHE, 'llama_kv_cells*'] },
    pool: 'scratch',
    arena: 'llama.cpp:kv-cells',
  },
  {
    name: 'llama.cpp: work of the threads',
    match: {
      function: ['ggml_threadpool_*', 'ggml_graph_compute*', 'ggml_backend_cpu_graph_compute', 'ggml_graph_plan'],
    },
    pool: 'scratch',
    arena: 'llama.cpp:threads',
  },
  {
    name: 'llama.cpp: graphs',
    match: {
      function: ['ggml_backend_sched_*', 'ggml_gallocr_*', 'llm_graph_*', 'llama_context::graph_*', 'ggml_new_graph*'],
    },
    pool: 'scratch',
    arena: 'llama.cpp:graph',
  },
  {
    name: 'llama.cpp: vocabulary',
    match: { function: ['llama_vocab::*', 'llm_tokenizer*', 'unicode_*'] },
    pool: 'model',
    arena: 'llama.cpp:vocabulary',
  },
  {
    name: 'llama.cpp: model without its weights',
    match: { function: [...LOAD, 'llama_model*', 'gguf_*'] },
    pool: 'model',
    arena: 'llama.cpp:model',
  },
  {
    name: 'llama.cpp: samplers',
    match: { function: ['llama_sampler_*', 'common_sampler_*', 'llama_grammar_*', 'AddonSampler*'] },
    pool: 'scratch',
    arena: 'llama.cpp:sampler',
  },
  {
    name: 'llama.cpp: context',
    match: { function: ['llama_context::*', 'llama_init_from_model', 'llama_decode', 'llama_encode', 'llama_batch_*'] },
    pool: 'scratch',
    arena: 'llama.cpp:context',
  },
  {
    name: 'llama.cpp: backends',
    match: { function: ['ggml_backend_load*', 'ggml_backend_reg*', 'llama_backend_init', 'ggml_backend_dev_*'] },
    pool: 'runtime',
    arena: 'llama.cpp:backends',
  },
  {
    name: 'llama.cpp: other',
    match: { module: LIBRARIES, where: 'native' },
    pool: 'scratch',
    arena: 'llama.cpp:other',
  },
];
