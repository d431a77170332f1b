/** V8's allocation tree as the `nodes` and `strings` of a `v8profile` line. docs/reference/recording.md. */
import path = require('node:path');

import type { V8Node } from './types.cjs';

/** `[parent, name, script, scriptId, line, column, [size, count, ...]]` */
type LineNode = readonly [number, number, number, number, number, number, number[]];

interface EncodedProfile {
  readonly strings: readonly string[];
  readonly nodes: readonly LineNode[];
  /** Call paths of at most so many bytes were left out so that the line stays bounded; -1: none. */
  readonly keptAboveBytes: number;
  readonly prunedBytes: number;
}

/** About 32 MiB of JSON at the 40 bytes a node takes. */
const MAX_NODES = 800_000;
const OWN_FOLDER = __dirname + path.sep;
const PASS_THROUGH = path.join(__dirname, 'pass-through.cjs');
/** Frames by which the program's arenas are entered: readers know them (src/interpret/clean-stack.ts). */
const ENTERING = new Set(['enter', 'async-steps'].map((name) => path.join(__dirname, `${name}.cjs`)));
const CARRIERS = path.join(__dirname, 'carrier');

/**
 * Leaves out what the agent itself allocated, and takes its hooks out of the program's stacks. Nothing else is dropped.
 * A profile of more than `maxNodes` nodes loses its smallest subtrees.
 * @param earlier the same isolate's profile from just before a collection: V8 forgets file and line of a function when its
 *   script is collected, although objects that it allocated are still there.
 */
function encodeProfile(root: V8Node, earlier: V8Node = root, maxNodes: number = MAX_NODES): EncodedProfile {
  const totals = new Map<V8Node, number>();
  addTotals(root, totals);
  // A caller has at least its callees' bytes: what stays is a tree.
  const keptAboveBytes = totals.size <= maxNodes ? -1 : ([...totals.values()].sort((a, b) => b - a)[maxNodes] ?? -1);

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
  const pending: [V8Node, V8Node, number][] = [[root, earlier, -1]];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [node, before, parent] = next;
    const { scriptName } = before;
    const isHook = scriptName === PASS_THROUGH;
    if (!isHook && scriptName.startsWith(OWN_FOLDER) && !isEntering(node.name, scriptName)) continue;
    const bytes = totals.get(node) ?? 0;
    if (bytes <= keptAboveBytes && parent !== -1) {
      prunedBytes += bytes;
      continue;
    }
    const index = isHook
      ? parent
      : nodes.push(encodeNode(node, before.scriptName === '' ? node : before, parent, intern)) - 1;
    pushChildren(node, before, index, pending);
  }
  return { strings, nodes, keptAboveBytes, prunedBytes };
}

function isEntering(name: string, script: string): boolean {
  return ENTERING.has(script) || (name === 'run' && script.startsWith(CARRIERS));
}

/** Pairs each child with itself in the earlier profile, which has the same children in the same order, and some that are gone. */
function pushChildren(node: V8Node, before: V8Node, parent: number, pending: [V8Node, V8Node, number][]): void {
  let at = 0;
  for (const child of node.children) {
    let same = child;
    for (let i = at; i < before.children.length; i++) {
      const candidate = before.children[i];
      if (candidate?.scriptId !== child.scriptId || candidate.name !== child.name) continue;
      same = candidate;
      at = i + 1;
      break;
    }
    pending.push([child, same, parent]);
  }
}

function encodeNode(node: V8Node, source: V8Node, parent: number, intern: (text: string) => number): LineNode {
  const sizes: number[] = [];
  for (const { sizeBytes, count } of node.allocations) sizes.push(sizeBytes, count);
  return [
    parent,
    intern(node.name),
    intern(withoutSource(source.scriptName)),
    node.scriptId,
    source.lineNumber,
    source.columnNumber,
    sizes,
  ];
}

/** The name of a module that was imported from a data: URL is its source text, which is nobody's to record. */
function withoutSource(scriptName: string): string {
  return scriptName.startsWith('data:') ? 'data:' : scriptName;
}

function addTotals(node: V8Node, totals: Map<V8Node, number>): number {
  let bytes = 0;
  for (const allocation of node.allocations) bytes += allocation.sizeBytes * allocation.count;
  for (const child of node.children) bytes += addTotals(child, totals);
  totals.set(node, bytes);
  return bytes;
}

export = { encodeProfile };
