import type { ModuleRecord, Tables } from './tables.js';

/** The modules of a process, found by address. */
export interface ModuleIndex {
  readonly all: readonly ModuleRecord[];
  /** The module that covered an address at a generation: dlclose may give an address to another module later. */
  find(address: bigint, generation: number): ModuleRecord | undefined;
  /** '' if no module has this path. */
  buildIdOf(path: string): string;
}

export function indexModules(tables: Tables): ModuleIndex {
  const all: ModuleRecord[] = [];
  for (let index = 0; index < tables.moduleCount(); index++) {
    const module = tables.module(index);
    if (module !== undefined && module.end > module.start) all.push(module);
  }
  // Plain numbers: every code address is looked up, and programs have a hundred modules. 48 bits are exact.
  const starts = all.map((module) => Number(module.start));
  const ends = all.map((module) => Number(module.end));
  return {
    all,
    find(address, generation) {
      const at = Number(address);
      let first: ModuleRecord | undefined;
      for (let index = all.length - 1; index >= 0; index--) {
        if (at < (starts[index] ?? 0) || at >= (ends[index] ?? 0)) continue;
        first = all[index];
        if (first !== undefined && first.firstGeneration <= generation) return first;
      }
      return first;
    },
    buildIdOf: (path) => all.find((module) => module.path === path)?.buildId ?? '',
  };
}
