import type { MapLines } from './map-lines.js';
import { scriptPath } from './script-path.js';

/** Tells memprof's own code in the target from the program's. */
export interface OwnCode {
  isLibrary(modulePath: string): boolean;
  /**
   * Whether memprof's agent asked for the memory: the innermost script that is not Node's own is the agent's.
   * @param frames of a call path, leaf first; '' is the script of native ones.
   */
  isOurs(frames: readonly { readonly script: string }[]): boolean;
}

const LIBRARY = /^(.*)\/native\/(?:build|prebuilt)\/(?:[^/]+\/)*libmemprof[^/]*$/;
const LIBRARY_NAME = /(^|\/)libmemprof[^/]*$/;

/** The agent lies beside the sampler, in the package that the process loaded both from. */
export function findOwnCode(mapLines: MapLines): OwnCode {
  const packages = [...mapLines.paths()].flatMap((path) => LIBRARY.exec(path)?.[1] ?? []);
  const folders = [...new Set(packages)].map((folder) => `${folder}/dist/agent/`);
  const known = new Map<string, boolean>();
  const isAgent = (script: string): boolean => {
    let is = known.get(script);
    if (is === undefined) {
      const path = scriptPath(script);
      is = folders.some((folder) => path.startsWith(folder));
      known.set(script, is);
    }
    return is;
  };
  return {
    isLibrary: (path) => LIBRARY_NAME.test(path),
    isOurs(frames) {
      for (const { script } of frames) if (script !== '' && !script.startsWith('node:')) return isAgent(script);
      return false;
    },
  };
}
