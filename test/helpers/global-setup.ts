import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Tests run the built CLI and the built sampler: build both once, so that a test never judges a stale binary. The fixtures' packages are
 * installed where they are missing; where that fails it says so, and the tests that need them skip.
 */
export default function setup(): void {
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  spawnSync(process.execPath, ['fixtures/install.mjs'], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
}
