import { openChunkStream } from '../interpret/chunk-stream.js';
import { createTables, type Tables } from '../interpret/tables.js';
import { CHUNK, SERIES_HEADER_BYTES, SNAPSHOT_HEADER_BYTES, SNAPSHOT_REASONS } from '../recording/chunks.js';
import { REGIONS, TAG } from '../recording/wire.js';
import { writeResult } from './result.js';

const NAMES: Readonly<Record<number, string>> = Object.fromEntries(
  Object.entries(CHUNK).map(([name, type]) => [type, name.toUpperCase()]),
);
const JSON_CHUNKS: ReadonlySet<number> = new Set([
  CHUNK.process,
  CHUNK.agent,
  CHUNK.maps,
  CHUNK.symbols,
  CHUNK.end,
  CHUNK.ledger,
]);

/** What `describe` reads of a payload. */
const FIXED_BYTES: Readonly<Record<number, number>> = {
  [CHUNK.region]: 16,
  [CHUNK.events]: 16,
  [CHUNK.snapshot]: SNAPSHOT_HEADER_BYTES,
  [CHUNK.gauges]: 8,
  [CHUNK.series]: SERIES_HEADER_BYTES,
};

/**
 * `memprof parse`: the chunks of one `.mpr` file as JSON lines, for those who debug memprof or read recordings with
 * their own programs.
 * @throws MemprofError (exit code 2) if the file is no recording.
 */
export async function parse(path: string): Promise<void> {
  const stream = openChunkStream(path);
  try {
    const tables = createTables();
    const chunks = stream.chunks();
    let step = chunks.next();
    for (; !step.done; step = chunks.next()) {
      const { ref, payload } = step.value;
      const head = { offset: ref.offset, bytes: ref.bytes, type: NAMES[ref.type] ?? `unknown ${ref.type}` };
      await writeResult(`${JSON.stringify({ ...head, ...describe(ref.type, payload(), tables) })}\n`);
    }
    await writeResult(`${JSON.stringify(step.value)}\n`);
  } finally {
    stream.close();
  }
}

/** What a person wants to know of a chunk at a glance; JSON payloads as they are. */
function describe(type: number, payload: Buffer | undefined, tables: Tables): object {
  if (payload === undefined) return { problem: 'larger than any chunk of ours' };
  if (JSON_CHUNKS.has(type)) return parseJson(payload);
  if (payload.length < (FIXED_BYTES[type] ?? 0)) return { problem: 'too short' };
  switch (type) {
    case CHUNK.region:
      return describeRegion(payload, tables);
    case CHUNK.events:
      return { first: u64(payload, 0), lostBefore: u64(payload, 8) };
    case CHUNK.snapshot:
      return {
        reason: SNAPSHOT_REASONS[payload.readUInt32LE(0)],
        complete: payload.readUInt32LE(4) === 1,
        timeNs: u64(payload, 8),
        sites: u64(payload, 16),
        live: u64(payload, 24),
        mappings: u64(payload, 32),
      };
    case CHUNK.gauges:
      return { points: u64(payload, 0) };
    case CHUNK.series: {
      const json = payload.subarray(SERIES_HEADER_BYTES, SERIES_HEADER_BYTES + payload.readUInt32LE(0));
      return { rows: payload.readUInt32LE(4), ...parseJson(json) };
    }
    default:
      return {};
  }
}

/** Tags in full: they are what the program said. The rest of a region is in the reports. */
function describeRegion(payload: Buffer, tables: Tables): object {
  const number = payload.readUInt32LE(0);
  const region = REGIONS[number];
  const first = u64(payload, 8);
  const isKnown = tables.append(number, first, payload.subarray(16));
  if (region !== 'tags' || !isKnown) return { region, first };
  const count = Math.floor((payload.length - 16) / TAG.bytes);
  const tags = Array.from({ length: count }, (_, i) => tables.tag(first + i))
    .map((tag, i) => ({
      tag: first + i,
      ...tag,
      createdNs: String(tag?.createdNs),
      releasedNs: String(tag?.releasedNs),
    }))
    .filter(({ tag }) => tag !== 0);
  return { region, first, tags };
}

function parseJson(payload: Buffer): object {
  try {
    return { json: JSON.parse(payload.toString('utf8')) };
  } catch {
    return { problem: 'not JSON' };
  }
}

function u64(payload: Buffer, offset: number): number {
  return Number(payload.readBigUInt64LE(offset));
}
