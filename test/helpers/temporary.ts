import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

/** A directory that is gone after the test file. */
export function temporaryDirectory(name: string): string {
  const path = mkdtempSync(join(tmpdir(), `memprof-test-${name}-`));
  afterAll(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
