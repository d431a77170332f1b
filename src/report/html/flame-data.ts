import { locationReader } from '../../model/frames.js';
import { ALLOC_SPACE, INUSE_SPACE, type Profile } from '../../model/profile.js';
import { rootReader } from '../roots.js';
import type { FlameData } from './page-data.js';

const KINDS = ['native', 'js', 'runtime', 'synthetic'];

/** The call paths of a profile as a tree, each frame spelled out once. Paths that hold nothing in either column are left out. */
export function flameData(profile: Profile): FlameData {
  const text = numbering();
  const tree = treeBuilder();
  const rootsOf = rootReader(profile, 'arena');
  const rootNumbers = numbering();
  const samples = {
    nodes: [] as number[],
    roots: [] as number[],
    pids: [] as number[],
    inuseBytes: [] as number[],
    allocatedBytes: [] as number[],
  };
  for (const { stack, values, labels } of profile.samples) {
    if (values[INUSE_SPACE] === 0 && values[ALLOC_SPACE] === 0) continue;
    const root = rootsOf(labels).names.map(text.of).join(' ');
    samples.nodes.push(tree.nodeOf(stack));
    samples.roots.push(rootNumbers.of(root));
    samples.pids.push(labels.pid);
    samples.inuseBytes.push(Math.round(values[INUSE_SPACE]));
    samples.allocatedBytes.push(Math.round(values[ALLOC_SPACE]));
  }
  const framesOf = locationReader(profile);
  const frames: FlameData['frames'][number][] = [];
  const frameNumbers = numbering();
  const locations = tree.locations.map((id) =>
    framesOf(id).map((frame) => {
      const fields = [text.of(frame.name), text.of(frame.file), text.of(frame.module), frame.line] as const;
      const kind = KINDS.indexOf(frame.kind);
      const number = frameNumbers.of(`${fields.join(' ')} ${kind}`);
      if (number === frames.length) frames.push([...fields, kind]);
      return number;
    }),
  );
  return {
    texts: text.all,
    frames,
    kinds: KINDS,
    locations,
    parents: tree.parents,
    nodeLocations: tree.nodeLocations,
    roots: rootNumbers.all.map((key) => key.split(' ').map(Number)),
    samples,
    mainModule: profile.mappings[0]?.file ?? '',
    inuseTitle: `in use at the ${profile.moment === 'peak' ? 'peak' : 'end'}`,
  };
}

/** Numbers texts from 0 on. */
function numbering(): { readonly all: string[]; readonly of: (text: string) => number } {
  const known = new Map<string, number>();
  const all: string[] = [];
  return {
    all,
    of(text) {
      let number = known.get(text);
      if (number === undefined) {
        number = all.length;
        known.set(text, number);
        all.push(text);
      }
      return number;
    },
  };
}

/** A tree of call paths: parents stand before their children. */
function treeBuilder() {
  const parents: number[] = [];
  const nodeLocations: number[] = [];
  const locations: number[] = [];
  const numberOfLocation = new Map<number, number>();
  const children = new Map<number, Map<number, number>>();

  function locationNumber(id: number): number {
    let number = numberOfLocation.get(id);
    if (number === undefined) {
      number = locations.length;
      numberOfLocation.set(id, number);
      locations.push(id);
    }
    return number;
  }

  function childOf(parent: number, location: number): number {
    let below = children.get(parent);
    if (below === undefined) {
      below = new Map();
      children.set(parent, below);
    }
    let node = below.get(location);
    if (node === undefined) {
      node = parents.length;
      below.set(location, node);
      parents.push(parent);
      nodeLocations.push(location);
    }
    return node;
  }

  return {
    parents,
    nodeLocations,
    /** Ids of the profile, by the numbers in `nodeLocations`. */
    locations,
    /** @param stack leaf first. @returns -1 for an empty one. */
    nodeOf(stack: readonly number[]): number {
      let node = -1;
      for (let at = stack.length - 1; at >= 0; at--) node = childOf(node, locationNumber(stack[at] ?? 0));
      return node;
    },
  };
}
