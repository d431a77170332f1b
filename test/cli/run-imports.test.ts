import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const SRC = fileURLToPath(new URL('../../src/', import.meta.url));
// `import type` and names marked `type` alone are gone from the compiled file.
const IMPORT = /^(?:import|export) (?!type )(?:([^;'=]*?) from )?'([^']+)';/gm;
const isOfTypes = (names: string): boolean => /^\{/.test(names) && !/[{,]\s*(?!type )\w/.test(names);

/** What is loaded together with a module: packages by name, files by path. `import()` is a wait of its own. */
function loadedWith(file: string, found = new Set<string>()): Set<string> {
  if (found.has(file)) return found;
  found.add(file);
  for (const [, names = '', target = ''] of readFileSync(file, 'utf8').matchAll(IMPORT)) {
    if (isOfTypes(names)) continue;
    if (target.startsWith('.')) loadedWith(join(dirname(file), target.replace(/\.js$/, '.ts')), found);
    else found.add(target);
  }
  return found;
}

test('a run waits for no package but those that paint and demangle: 45 ms for zod alone', () => {
  const run = ['cli.ts', 'commands/run.ts', 'commands/run-record.ts', 'interpret/index.ts', 'report/index.ts'];
  const stages = ['analyze/summary.ts', 'analyze/fold.ts', 'schema/defaults.ts'];
  const loaded = new Set([...run, ...stages].flatMap((file) => [...loadedWith(join(SRC, file))]));
  expect(loaded).toContain(join(SRC, 'interpret/symbolize/native.ts'));
  const packages = [...loaded].filter((name) => !/^(node:|\/)/.test(name));
  expect(packages.sort()).toEqual(['chalk', 'gecko-profiler-demangle/index_bg.js']);
});

test('what reads recordings of others loads zod', () => {
  expect(loadedWith(join(SRC, 'interpret/stored-symbols.ts'))).toContain('zod');
});
