import type { Rule } from '../rule.js';

const LIBRARY = ['libonnxruntime.so*', 'libonnxruntime_*'];
const BINDING = 'onnxruntime_binding.node';
/** How the CPU allocator takes tensors since 1.2x; nothing else there asks for an alignment. */
const ALIGNED = ['operator new(unsigned long, std::align_val_t*', 'operator new[](unsigned long, std::align_val_t*'];
/** Objects, containers, protobuf. */
const PLAIN = ['operator new(unsigned long)', 'operator new[](unsigned long)'];
const LOAD = [
  'InferenceSessionWrap::LoadModel',
  'OrtApis::CreateSession*',
  'onnxruntime::InferenceSession::Initialize',
];
const RUN = ['InferenceSessionWrap::Run*', 'OrtApis::Run*', 'onnxruntime::InferenceSession::Run*'];

/**
 * ONNX Runtime. Released libraries are stripped: which kind of memory it is shows in the call into the library, and in whether aligned
 * memory was asked for, which is for tensors. Libraries built with symbols tell more, and come first.
 */
export const ONNXRUNTIME: readonly Rule[] = [
  {
    name: 'ONNX Runtime: initializers, by name',
    match: {
      function: [
        'onnxruntime::session_state_utils::*',
        'onnxruntime::SessionState::*InitializedTensor*',
        'onnxruntime::SessionState::*Prepack*',
        'onnxruntime::*::PrePack',
      ],
    },
    pool: 'weights',
    arena: 'onnxruntime:initializers',
  },
  {
    name: 'ONNX Runtime: outputs as ArrayBuffers',
    match: { function: ['OrtValueToNapiValue', 'CreateNapiTensor*'], where: 'native' },
    pool: 'output',
    arena: 'onnxruntime:outputs',
  },
  {
    name: 'ONNX Runtime: initializers',
    match: { function: ALIGNED, where: 'leaf', caller: { function: LOAD } },
    pool: 'weights',
    arena: 'onnxruntime:initializers',
  },
  {
    name: 'ONNX Runtime: objects of a session',
    match: { function: PLAIN, where: 'leaf', caller: { function: LOAD } },
    pool: 'session',
    arena: 'onnxruntime:session',
  },
  {
    name: 'ONNX Runtime: objects of a run',
    match: { function: PLAIN, where: 'leaf', caller: { function: RUN } },
    pool: 'scratch',
    arena: 'onnxruntime:scratch',
  },
  {
    name: 'ONNX Runtime: initializers of a library that calls posix_memalign',
    match: { module: LIBRARY, where: 'leaf', caller: { function: LOAD } },
    pool: 'weights',
    arena: 'onnxruntime:initializers',
  },
  {
    name: 'ONNX Runtime: arena, by name',
    match: { function: ['onnxruntime::BFCArena::*', 'onnxruntime::StreamAwareBFCArena::*'] },
    pool: 'tensors',
    arena: 'onnxruntime:arena',
  },
  {
    name: 'ONNX Runtime: arena',
    match: { function: ALIGNED, where: 'leaf', caller: { module: LIBRARY } },
    pool: 'tensors',
    arena: 'onnxruntime:arena',
  },
  {
    name: 'ONNX Runtime: arena of a library that calls posix_memalign',
    match: { module: LIBRARY, where: 'leaf', caller: { function: RUN } },
    pool: 'tensors',
    arena: 'onnxruntime:arena',
  },
  {
    name: 'ONNX Runtime: session',
    match: { function: [...LOAD, 'onnxruntime::Model::*', 'onnxruntime::Graph::*'], where: 'native' },
    pool: 'session',
    arena: 'onnxruntime:session',
  },
  {
    name: 'ONNX Runtime: scratch of a run',
    match: { module: LIBRARY, where: 'native', caller: { function: RUN } },
    pool: 'scratch',
    arena: 'onnxruntime:scratch',
  },
  {
    name: 'ONNX Runtime: thread pool, by name',
    match: { function: ['onnxruntime::concurrency::*', 'onnxruntime::ThreadPoolTempl*'] },
    pool: 'scratch',
    arena: 'onnxruntime:threads',
  },
  {
    name: 'ONNX Runtime: environment',
    match: {
      module: LIBRARY,
      where: 'native',
      caller: {
        function: ['InitOrt*', 'OrtSingletonData::*', 'OrtInstanceData::*', '*dlopen*', 'node::binding::DLOpen'],
      },
    },
    pool: 'runtime',
    arena: 'onnxruntime:environment',
  },
  {
    // Its own threads begin in the library: no call into it is on their stacks.
    name: 'ONNX Runtime: thread pool',
    match: { module: LIBRARY, where: 'native' },
    pool: 'scratch',
    arena: 'onnxruntime:threads',
  },
  {
    name: 'ONNX Runtime: binding for Node',
    match: { module: BINDING, where: 'native' },
    pool: 'scratch',
    arena: 'onnxruntime:binding',
  },
];
