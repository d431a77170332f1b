import type { Rule } from '../rule.js';

const file = (kind: string, patterns: readonly string[]): Rule => ({
  name: `model file: ${kind}`,
  match: { heap: 'mmap.file', file: patterns },
  pool: 'weights',
  arena: `model-file:${kind}`,
});

/** Files that are mapped, by their names, where the code does not tell. */
export const MODEL_FILES: readonly Rule[] = [
  file('gguf', ['*.gguf', '*.ggml']),
  file('onnx', ['*.onnx', '*.onnx.data', '*.onnx_data', '*.ort']),
  file('safetensors', ['*.safetensors']),
  file('bin', ['*.bin', '*.pt', '*.pth', '*.tflite']),
];
