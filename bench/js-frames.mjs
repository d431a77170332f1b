/**
 * What a JavaScript frame costs: microseconds to walk and decode a mixed stack, on each Node of fixtures/nodes.
 *
 *   node bench/js-frames.mjs [rounds]
 *
 * Builds the decoder with a stub of the store (native/test/js_probe.c) and runs fixtures/js/churn.cjs, which allocates under
 * about 50 frames while functions come and go. Medians over all sampled stacks; nothing else should run beside it.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const rounds = process.argv[2] ?? '30000';
const directory = mkdtempSync(join(tmpdir(), 'memprof-bench-'));

function buildProbe() {
  const native = join(ROOT, 'native');
  const decoder = readdirSync(join(native, 'src')).filter((name) => /^(peek|v8_.*)\.c$/.test(name));
  const sources = [
    ...decoder.map((name) => `src/${name}`),
    ...['js_probe', 'stub_store', 'probe_unwind'].map((name) => `test/${name}.c`),
  ];
  const output = join(directory, 'probe.so');
  const flags = [
    '-std=gnu11',
    '-D_GNU_SOURCE',
    '-O2',
    '-fPIC',
    '-shared',
    '-fno-omit-frame-pointer',
    '-ftls-model=initial-exec',
  ];
  execFileSync('cc', [...flags, '-o', output, ...sources, '-lpthread'], { cwd: native });
  return output;
}

function measure(probe, line) {
  const node = join(ROOT, `fixtures/nodes/node_modules/node-${line}/bin/node`);
  if (!existsSync(node)) return { Node: line, error: 'not installed: npm ci --prefix fixtures/nodes' };
  const stats = join(directory, `stats-${line}`);
  // 20000 bytes: the fixture's ArrayBuffers, and hardly anything of Node's own.
  const env = { ...process.env, LD_PRELOAD: probe, JS_PROBE_ALL: '20000', JS_PROBE_STATS: stats };
  execFileSync(node, [join(ROOT, 'fixtures/js/churn.cjs'), rounds], { env });
  const result = JSON.parse(readFileSync(stats, 'utf8'));
  return {
    Node: line,
    V8: result.v8,
    stacks: result.jsWalks,
    'JS frames': result.jsFrames,
    'native frames': result.nativeFrames,
    'median us': result.medianNs / 1000,
    'p95 us': result.p95Ns / 1000,
    'page probes a stack': Number((result.probes / result.jsWalks).toFixed(2)),
    'start us': Math.round(result.initNs / 1000),
  };
}

try {
  const probe = buildProbe();
  console.table([20, 22, 24, 26].map((line) => measure(probe, line)));
} finally {
  rmSync(directory, { recursive: true, force: true });
}
