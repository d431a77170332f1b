/**
 * Finds the same source file in several profiles, of which each may come from another folder or machine: it is the one whose path ends in
 * the same way, and longer so than that of any other. Files of npm packages need the same package and the same path in it; a module of
 * Node itself (`node:fs`) and an address (`https:...`) are only like themselves.
 * @param sets the files of each profile.
 * @returns the path in the first profile that has the file.
 */
export function alignFiles(sets: readonly ReadonlySet<string>[]): (file: string) => string {
  const known = new Map<string, string>();
  const firsts = new Set<string>();
  for (const set of sets) {
    const added = [...set].filter((file) => !known.has(file));
    const taken = new Set([...set].map((file) => known.get(file)));
    const free = [...firsts].filter((file) => !taken.has(file));
    for (const [file, first] of bySuffix(added, free)) known.set(file, first);
    for (const file of added) {
      if (known.has(file)) continue;
      known.set(file, file);
      firsts.add(file);
    }
  }
  return (file) => known.get(file) ?? file;
}

interface Path {
  readonly file: string;
  readonly parts: readonly string[];
  /** So many parts at the end must be the same. */
  readonly least: number;
}

/** Pairs of paths that end alike, the longest ends first; a pair is made only where each side has one such path. */
function bySuffix(added: readonly string[], free: readonly string[]): Map<string, string> {
  const pairs = new Map<string, string>();
  let left = added.map(pathOf);
  let right = free.map(pathOf);
  const deepest = (paths: readonly Path[]): number =>
    paths.reduce((most, { parts }) => Math.max(most, parts.length), 0);
  for (let depth = Math.min(deepest(left), deepest(right)); depth > 0; depth--) {
    const ends = endsOf(left, depth);
    const matched = new Set<Path>();
    for (const [end, others] of endsOf(right, depth)) {
      const [path, ...more] = ends.get(end) ?? [];
      const [other, ...moreOthers] = others;
      if (path === undefined || other === undefined || more.length > 0 || moreOthers.length > 0) continue;
      pairs.set(path.file, other.file);
      matched.add(path).add(other);
    }
    left = left.filter((path) => !matched.has(path));
    right = right.filter((path) => !matched.has(path));
  }
  return pairs;
}

function pathOf(file: string): Path {
  const parts = file.replace(/^file:\/\//, '').split('/');
  if (/^[a-z]+:/.test(file) && !file.startsWith('file:')) return { file, parts, least: parts.length };
  const modules = parts.lastIndexOf('node_modules');
  return { file, parts, least: modules === -1 ? 1 : parts.length - modules };
}

function endsOf(paths: readonly Path[], depth: number): Map<string, Path[]> {
  const ends = new Map<string, Path[]>();
  for (const path of paths) {
    if (depth > path.parts.length || depth < path.least) continue;
    const end = path.parts.slice(-depth).join('/');
    ends.set(end, [...(ends.get(end) ?? []), path]);
  }
  return ends;
}
