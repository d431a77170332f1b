import type { Rule } from '../rule.js';
import { ALLOCATORS, C_RUNTIME } from './allocators.js';
import { LLAMA } from './llama.js';
import { MODEL_FILES } from './model-files.js';
import { NODE, NODE_REST } from './node.js';
import { ONNXRUNTIME } from './onnxruntime.js';
import { V8, V8_REST } from './v8.js';

/** In the order in which they are tried: the libraries, then what they are made with. */
export const SHIPPED_RULES: readonly Rule[] = [
  ...LLAMA,
  ...ONNXRUNTIME,
  ...V8,
  ...MODEL_FILES,
  ...ALLOCATORS,
  ...NODE,
  ...V8_REST,
  ...NODE_REST,
  ...C_RUNTIME,
];
