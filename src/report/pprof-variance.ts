import type { Values } from '../model/profile.js';

/** Heaps that are followed byte by byte, not sampled. */
export function isExactHeap(heap: string): boolean {
  return heap === 'mmap' || heap === 'mmap.file' || heap === 'wasm';
}

const EXACT: { variances: Values; observations: number } = { variances: [0, 0, 0, 0], observations: 0 };

/**
 * What the error bars of a sampled stack must have been. Poisson sampling with a mean gap of `meanBytes` takes an object of s
 * bytes with p = 1 - exp(-s / mean); `objects` of them in `bytes` give s, and the variance of their number is objects (1 - p) / p.
 * A mean of 0 or 1 is no sampling. Where only bytes are known, objects are taken to be small.
 */
export function heapVariances(values: Values, meanBytes: number): { variances: Values; observations: number } {
  if (meanBytes <= 1) return EXACT;
  const [allocObjects, allocSpace, inuseObjects, inuseSpace] = values;
  const alloc = pairVariances(Math.abs(allocObjects), Math.abs(allocSpace), meanBytes);
  const inuse = pairVariances(Math.abs(inuseObjects), Math.abs(inuseSpace), meanBytes);
  return {
    variances: [alloc.objects, alloc.bytes, inuse.objects, inuse.bytes],
    observations: Math.round(Math.max(alloc.observations, inuse.observations)),
  };
}

function pairVariances(objects: number, bytes: number, meanBytes: number) {
  if (bytes === 0) return { objects: 0, bytes: 0, observations: 0 };
  const sizeBytes = objects > 0 ? bytes / objects : 0;
  const probability = -Math.expm1(-sizeBytes / meanBytes);
  if (!(probability > 0)) return { objects: 0, bytes: bytes * meanBytes, observations: bytes / meanBytes };
  const objectsVariance = (objects * (1 - probability)) / probability;
  return { objects: objectsVariance, bytes: objectsVariance * sizeBytes ** 2, observations: objects * probability };
}
