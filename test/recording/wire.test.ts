/** src/recording/wire.ts must say what the C compiler says about native/src/wire.h. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import * as wire from '../../src/recording/wire.ts';

const NATIVE = resolve(import.meta.dirname, '../../native');

interface Layout {
  bytes: number;
  fields: Record<string, number>;
}

function compilerSays(): Record<string, unknown> {
  const directory = mkdtempSync(join(tmpdir(), 'memprof-wire-'));
  try {
    const binary = join(directory, 'wire_offsets');
    const built = spawnSync('cc', ['-I', join(NATIVE, 'src'), '-o', binary, join(NATIVE, 'test/wire_offsets.c')], {
      encoding: 'utf8',
    });
    if (built.status !== 0) throw new Error(`cc failed: ${built.stderr}`);
    return JSON.parse(spawnSync(binary, { encoding: 'utf8' }).stdout);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const c = compilerSays();

test('numbers and bits', () => {
  expect(c).toMatchObject({
    magic: String(wire.WIRE_MAGIC),
    version: wire.WIRE_VERSION,
    headerBytes: wire.HEADER_BYTES,
    controlMagic: String(wire.CONTROL_MAGIC),
    counters: wire.COUNTERS.length,
    regions: wire.REGIONS.length,
    refusals: wire.REFUSALS.length,
    events: wire.EVENT_TYPE,
    heaps: wire.HEAP,
    tagKinds: wire.TAG_KIND,
    tagSources: wire.TAG_SOURCES.length,
    tagCounters: wire.TAG_COUNTERS.length,
    arenaMmapped: String(wire.ARENA_MMAPPED),
    arenaUnknown: String(wire.ARENA_UNKNOWN),
    frameJs: String(wire.FRAME_JS),
    frameJsApprox: String(wire.FRAME_JS_APPROX),
    frameJsInlined: String(wire.FRAME_JS_INLINED),
    frameV8Code: String(wire.FRAME_V8_CODE),
    generationShift: Number(wire.FRAME_GENERATION_SHIFT),
    generationBits: wire.FRAME_GENERATION_MASK.toString(2).length,
    addressMask: String(wire.FRAME_ADDRESS_MASK),
  });
});

/** C's name of a field: units at its end and `_f64` are left out in TypeScript where the name says it all. */
const SHORT: Record<string, string> = {
  size_bytes: 'size',
  weight_bytes_f64: 'weight',
  committed_bytes: 'committed',
  alloc_objects_f64: 'allocObjects',
  alloc_bytes_f64: 'allocBytes',
  alloc_objects_variance_f64: 'allocObjectsVariance',
  alloc_bytes_variance_f64: 'allocBytesVariance',
  max_samples_per_s: 'maxSamplesPerSecond',
};

const camel = (name: string) => name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

test.each([
  ['mp_header', wire.HEADER, wire.HEADER_BYTES],
  ['mp_region', wire.REGION, wire.REGION.bytes],
  ['mp_module', wire.MODULE, wire.MODULE.bytes],
  ['mp_function', wire.FUNCTION, wire.FUNCTION.bytes],
  ['mp_node', wire.NODE, wire.NODE.bytes],
  ['mp_site', wire.SITE, wire.SITE.bytes],
  ['mp_live', wire.LIVE, wire.LIVE.bytes],
  ['mp_mapping', wire.MAPPING, wire.MAPPING.bytes],
  ['mp_event', wire.EVENT, wire.EVENT.bytes],
  ['mp_tag', wire.TAG, wire.TAG.bytes],
  ['mp_control', wire.CONTROL, wire.CONTROL.bytes],
] as const)('%s', (name, mirror, bytes) => {
  const layout = c[name] as Layout;
  const named = Object.entries(layout.fields).map(([field, offset]) => {
    const short = name === 'mp_header' ? undefined : SHORT[field];
    return [short ?? camel(field), offset] as const;
  });
  const { bytes: _size, ...offsets } = mirror as Record<string, number>;
  const mirrored = new Map(Object.entries(offsets));
  // Every offset in the mirror is C's; the mirror need not name what TypeScript never reads (sequence numbers, tickets).
  for (const [field, offset] of mirrored) expect([field, Object.fromEntries(named)[field]]).toEqual([field, offset]);
  if (name !== 'mp_header') expect(layout.bytes).toBe(bytes);
  else expect(layout.bytes).toBeLessThanOrEqual(bytes);
});
