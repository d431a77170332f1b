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
  return {
    all,
    find(address, generation) {
      const covering = all.filter((module) => module.start <= address && address < module.end);
      return covering.findLast((module) => module.firstGeneration <= generation) ?? covering[0];
    },
    buildIdOf: (path) => all.find((module) => module.path === path)?.buildId ?? '',
  };
}
