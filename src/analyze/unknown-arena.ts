import type { Labels } from '../model/profile.js';

/** Nobody said whose bytes these are, and no rule knows: a region of the allocator says where they lie, not what for. */
export function hasUnknownArena({ heap, arena_source: source }: Labels): boolean {
  // A heap of the program's own is named after what it is for.
  return (source === undefined || source === 'allocator') && !heap.startsWith('custom:');
}
