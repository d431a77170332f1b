import type { Frame } from '../../../model/frames.js';
import type { LocationKind } from '../../../model/profile.js';
import { engineHider } from '../../hide-engine.js';
import type { FlameData } from '../page-data.js';

/** A row of the flame graph. `frame` is absent for arenas, pools, processes and the whole. */
export interface FlameNode {
  readonly name: string;
  /** With what is below. */
  value: number;
  children: FlameNode[];
  frame?: Frame;
  /** What gives the colour to rows that stand for arenas, and to what is below them. */
  readonly band: string;
}

export interface FlameChoice {
  readonly by: 'function' | 'arena';
  readonly column: 'inuseBytes' | 'allocatedBytes';
  readonly hidesEngine: boolean;
}

export interface FlameTree {
  readonly root: FlameNode;
  /** Rows with fewer bytes were left out, since there are too many; 0: none was. */
  readonly leastBytes: number;
}

/** The call paths as the flame graph wants them: the biggest child first. */
export function flameTree(data: FlameData, { by, column, hidesEngine }: FlameChoice): FlameTree {
  const frames = data.frames.map((fields): Frame => frameOf(data, fields));
  const framesAt = (id: number): readonly Frame[] => (data.locations[id] ?? []).map((at) => frames[at] as Frame);
  const functions = functionNumbers(data);
  const hide = hidesEngine ? engineHider(framesAt, data.mainModule) : (stack: readonly number[]) => stack;
  const root: FlameNode = { name: 'all', value: 0, children: [], band: '' };
  const below = new Map<FlameNode, Map<string, FlameNode>>();

  function child(parent: FlameNode, key: string, make: () => FlameNode): FlameNode {
    let known = below.get(parent);
    if (known === undefined) {
      known = new Map();
      below.set(parent, known);
    }
    let node = known.get(key);
    if (node === undefined) {
      node = make();
      known.set(key, node);
      parent.children.push(node);
    }
    return node;
  }

  const { nodes, roots } = data.samples;
  for (const [at, value] of data.samples[column].entries()) {
    if (value <= 0) continue;
    let node = root;
    root.value += value;
    if (by === 'arena') {
      for (const text of data.roots[roots[at] ?? 0] ?? []) {
        const name = data.texts[text] ?? '';
        node = child(node, `=${text}`, () => ({ name, value: 0, children: [], band: name }));
        node.value += value;
      }
    }
    const { band } = node;
    const stack = hide(pathOf(data, nodes[at] ?? -1));
    for (let depth = stack.length - 1; depth >= 0; depth--) {
      // The outermost of inlined functions is the first row.
      for (const number of [...(data.locations[stack[depth] ?? 0] ?? [])].reverse()) {
        const frame = frames[number] as Frame;
        const key = String(functions[number]);
        node = child(node, key, () => ({ name: frame.name, value: 0, children: [], frame, band }));
        // One function, called from it in several lines.
        if (node.frame && node.frame.line !== frame.line) node.frame = { ...node.frame, line: 0 };
        node.value += value;
      }
    }
  }
  const leastBytes = smallestShown(root);
  arrange(root, leastBytes);
  return { root, leastBytes };
}

/** A flame graph with more rows would not move when it is zoomed. */
const MAX_ROWS = 60_000;

/** Rows with fewer bytes are left out; 0 where all have a place. */
function smallestShown(root: FlameNode): number {
  const values: number[] = [];
  const open = [root];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    values.push(node.value);
    open.push(...node.children);
  }
  if (values.length <= MAX_ROWS) return 0;
  return (Float64Array.from(values).sort()[values.length - MAX_ROWS] ?? 0) + 1;
}

/** Takes out what is too small, and puts the biggest first. */
function arrange(root: FlameNode, leastBytes: number): void {
  const open = [root];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    node.children = node.children.filter(({ value }) => value >= leastBytes).sort((a, b) => b.value - a.value);
    open.push(...node.children);
  }
}

/** For each frame the number of its function: the same in all its lines. */
function functionNumbers({ frames }: FlameData): number[] {
  const known = new Map<string, number>();
  return frames.map(([name, file, module, , kind]) => {
    const key = `${name} ${file} ${module} ${kind}`;
    const number = known.get(key) ?? known.size;
    known.set(key, number);
    return number;
  });
}

/** Locations, leaf first. */
function pathOf({ parents, nodeLocations }: FlameData, leaf: number): number[] {
  const path: number[] = [];
  for (let node = leaf; node >= 0; node = parents[node] ?? -1) path.push(nodeLocations[node] ?? 0);
  return path;
}

function frameOf({ texts, kinds }: FlameData, [name, file, module, line, kind]: FlameData['frames'][number]): Frame {
  return {
    name: texts[name] ?? '',
    file: texts[file] ?? '',
    module: texts[module] ?? '',
    line,
    column: 0,
    kind: (kinds[kind] ?? 'native') as LocationKind,
  };
}
