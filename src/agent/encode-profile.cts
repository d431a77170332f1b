/** V8's allocation tree as the `nodes` and `strings` of a `v8profile` line. docs/reference/recording.md. */
import path = require('node:path');

import type { V8Node } from './types.cjs';

/** `[parent, name, script, scriptId, line, column, [size, count, ...]]` */
type LineNode = readonly [number, number, number, number, number, number, number[]];

interface EncodedProfile {
  readonly strings: readonly string[];
  readonly nodes: readonly LineNode[];
  /** Subtrees smaller than this were left out so that the line stays bounded; 0: none. */
  readonly prunedBelowBytes: number;
  readonly prunedBytes: number;
}

/** About 32 MiB of JSON at the 40 bytes a node takes. */
const MAX_NODES = 800_000;
const OWN_FOLDER = __dirname + path.sep;
const PASS_THROUGH = path.join(__dirname, 'pass-through.cjs');

/**
 * Leaves out what the agent itself allocated, and takes its hooks out of the program's stacks. Nothing else is dropped.
 * A profile of more than `maxNodes` nodes loses its smallest subtrees.
 */
function encodeProfile(root: V8Node, maxNodes: number = MAX_NODES): EncodedProfile {
  const totals = new Map<V8Node, number>();
  const totalBytes = addTotals(root, totals);
  let prunedBelowBytes = 0;
  while (countAtLeast(root, totals, prunedBelowBytes) > maxNodes) {
    prunedBelowBytes = prunedBelowBytes === 0 ? Math.max(1, totalBytes / (maxNodes * 64)) : prunedBelowBytes * 2;
  }

  const indexOf = new Map<string, number>([['', 0]]);
  const strings = [''];
  const nodes: LineNode[] = [];
  let prunedBytes = 0;

  function intern(text: string): number {
    let index = indexOf.get(text);
    if (index === undefined) {
      index = strings.push(text) - 1;
      indexOf.set(text, index);
    }
    return index;
  }

  // A stack of its own: V8's depth is bounded by ours (128), but nobody should have to know that here.
  const pending: [V8Node, number][] = [[root, -1]];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [node, parent] = next;
    const isHook = node.scriptName === PASS_THROUGH;
    if (!isHook && node.scriptName.startsWith(OWN_FOLDER)) continue;
    const bytes = totals.get(node) ?? 0;
    if (bytes < prunedBelowBytes && parent !== -1) {
      prunedBytes += bytes;
      continue;
    }
    const index = isHook ? parent : nodes.push(encodeNode(node, parent, intern)) - 1;
    for (const child of node.children) pending.push([child, index]);
  }
  return { strings, nodes, prunedBelowBytes: Math.round(prunedBelowBytes), prunedBytes };
}

function encodeNode(node: V8Node, parent: number, intern: (text: string) => number): LineNode {
  const sizes: number[] = [];
  for (const { sizeBytes, count } of node.allocations) sizes.push(sizeBytes, count);
  return [parent, intern(node.name), intern(node.scriptName), node.scriptId, node.lineNumber, node.columnNumber, sizes];
}

function addTotals(node: V8Node, totals: Map<V8Node, number>): number {
  let bytes = 0;
  for (const allocation of node.allocations) bytes += allocation.sizeBytes * allocation.count;
  for (const child of node.children) bytes += addTotals(child, totals);
  totals.set(node, bytes);
  return bytes;
}

function countAtLeast(node: V8Node, totals: ReadonlyMap<V8Node, number>, bytes: number): number {
  let count = 1;
  for (const child of node.children) if ((totals.get(child) ?? 0) >= bytes) count += countAtLeast(child, totals, bytes);
  return count;
}

export = { encodeProfile };
