import { baseName, type Frame } from '../model/frames.js';
import type { Profile } from '../model/profile.js';
import { alignFiles } from './diff-files.js';

/** Tells code apart by function and file or module: the same text for the same code in several profiles, whatever its line or address. */
export type CodeName = (frame: Frame) => string;

/** Parts of a function's name that depend on the compiler's mood: what GCC and LLVM append to clones, and rustc's hashes. */
const CLONE =
  / ?\[(clone [^\]]*|(isra|constprop|part|cold|lto_priv)[.\d]*)\]|\.(isra|constprop|part|cold|llvm|lto_priv)(\.\d+)*|::h[0-9a-f]{16}$/g;
const ADDRESS = /^(.*\+)?0x[0-9a-f]+$/;

const NO_SYMBOL = '(no symbol)';

/** What code without symbols is called in all builds of its module; undefined for code that has a name of its own. */
export const codeSymbol = (name: string): string | undefined =>
  name.startsWith(`${NO_SYMBOL} `) ? NO_SYMBOL : undefined;

/** `libfoo.so.1.17.0` and `/opt/lib/libfoo.so.1.18` are `libfoo.so`. */
export const moduleName = (path: string): string => baseName(path).replace(/\.so(\.\d+)+$/, '.so');

/**
 * Names code in all of the profiles alike. A file is known by the end of its path: two checkouts of a program lie in different folders.
 * Code without symbols has an address, which says the same in the same build of a module only; in other builds all of it is one.
 */
export function codeNames(profiles: readonly Profile[]): CodeName {
  const fileOf = alignFiles(profiles.map(filesOf));
  const isOneBuild = builds(profiles);
  // Not a WeakMap: it lives no longer than the frames do, and a collector walks all of that one's entries.
  const known = new Map<Frame, string>();
  const make = ({ name, file, module }: Frame): string => {
    const moduleText = moduleName(module);
    if (file === '' && ADDRESS.test(name)) {
      if (!isOneBuild(moduleText)) return `${NO_SYMBOL} ${moduleText}`;
      return `${moduleText}${name.slice(name.lastIndexOf('+'))}`;
    }
    // A binary's debug information may or may not be there: its file is no part of the name.
    const place = moduleText || fileOf(file);
    const plain = name.replace(CLONE, '');
    return place === '' ? plain : `${plain} ${place}`;
  };
  return (frame) => {
    let name = known.get(frame);
    if (name === undefined) {
      name = make(frame);
      known.set(frame, name);
    }
    return name;
  };
}

function filesOf({ functions }: Profile): Set<string> {
  const files = new Set<string>();
  for (const { file } of functions.values()) if (file !== '') files.add(file);
  return files;
}

/** Whether all profiles with a module have the same build of it. One without a build id may be any. */
function builds(profiles: readonly Profile[]): (module: string) => boolean {
  const ids = new Map<string, Set<string>>();
  for (const [number, { mappings }] of profiles.entries()) {
    for (const { file, buildId } of mappings) {
      const name = moduleName(file);
      ids.set(name, (ids.get(name) ?? new Set()).add(buildId || `none ${number}`));
    }
  }
  return (module) => (ids.get(module)?.size ?? 0) === 1;
}
