import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { diff } from '../../src/analyze/diff.ts';
import { summarize } from '../../src/analyze/summary.ts';
import type { Profile } from '../../src/model/profile.ts';
import { FORMATS } from '../../src/report/index.ts';
import { readPprof } from '../../src/report/pprof-read.ts';
import { HAS_GO, offline } from '../helpers/go-pprof.ts';

const directory = mkdtempSync(join(tmpdir(), 'memprof-foreign-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const SIZE = 1_048_583;
const summaryOf = (profile: Profile) => summarize(profile, { memprofVersion: '0.0.0' });

describe.skipIf(!HAS_GO)("a heap profile of Go's own runtime", () => {
  it('shows its sites, and about what it allocated', () => {
    const program = `package main
import ("os"; "runtime"; "runtime/pprof")
var keep [][]byte
func tensors(n int) { for i := 0; i < n; i++ { keep = append(keep, make([]byte, ${SIZE})) } }
func write(name string) {
	runtime.GC()
	f, _ := os.Create(name)
	pprof.WriteHeapProfile(f)
	f.Close()
}
func main() {
	tensors(16)
	write("go.pb.gz")
	tensors(8)
	write("later.pb.gz")
	runtime.KeepAlive(keep)
}
`;
    writeFileSync(join(directory, 'main.go'), program);
    const env = { ...offline(directory), GO111MODULE: 'off' };
    execFileSync('go', ['run', 'main.go'], { cwd: directory, env, stdio: 'pipe' });

    const profile = readPprof(readFileSync(join(directory, 'go.pb.gz')));
    const [site] = summaryOf(profile).sites;
    expect(site?.callee?.name).toBe('main.tensors');
    expect(site?.inuse_space.kind).toBe('estimated');
    // The runtime rounds up to whole pages of 8 KiB.
    const truth = 16 * Math.ceil(SIZE / 8_192) * 8_192;
    // One run: its interval may miss the truth, but never by half.
    expect(site?.inuse_space.low).toBeLessThanOrEqual(truth * 1.5);
    expect(site?.inuse_space.high).toBeGreaterThanOrEqual(truth / 1.5);
    expect(FORMATS.text(profile, { summary: summaryOf(profile) })).toContain('main.tensors');
    expect(FORMATS.speedscope(profile, { summary: summaryOf(profile) })).toContain('main.tensors');

    const later = readPprof(readFileSync(join(directory, 'later.pb.gz')));
    const side = (name: string, ...profiles: Profile[]) => ({ name, profiles });
    const { sites, labels } = diff(side('go', profile), side('later', later), { memprofVersion: '0.0.0' });
    const growth = sites.rows.find(({ name }) => name.startsWith('main.tensors'))?.inuse_space.difference.value ?? 0;
    expect(labels).toEqual([]);
    // Eight more, each seen with p = 0.86: five standard deviations are 5.6 of them.
    expect(Math.abs(growth - truth / 2)).toBeLessThan((5.6 / 16) * truth);
  }, 120_000);
});

describe('a heap profile of @datadog/pprof', () => {
  it('shows its JavaScript sites as in use, and what it allocated as unknown', async () => {
    const { heap, encode } = createRequire(import.meta.url)('@datadog/pprof');
    heap.start(16_384, 64);
    const kept: object[] = [];
    function keepObjects(): void {
      for (let i = 0; i < 300_007; i++) kept.push({ i, pair: [i, i] });
    }
    keepObjects();
    const profile = readPprof(await encode(heap.profile()));
    heap.stop();
    expect(kept).toHaveLength(300_007);
    const summary = summaryOf(profile);
    expect(summary.total.alloc_space.kind).toBe('unknown');
    expect(summary.total.inuse_space.kind).toBe('estimated');
    const site = summary.sites.find(({ js }) => js?.name === 'keepObjects');
    expect(site?.js?.file).toContain('foreign.test.ts');
    // An object with three fields and an array of two.
    expect(site?.inuse_space.value).toBeGreaterThan(300_007 * 40);
  });
});
