import { describe, expect, test } from 'vitest';
import { buildProfile } from '../../src/interpret/index.ts';
import { createSeriesTable, decimate } from '../../src/interpret/series.ts';
import { CHUNK } from '../../src/recording/chunks.ts';
import { chunk, recordProcess, writeRecording } from '../helpers/recording-builder.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';

function payload(json: string, rows: readonly (readonly [bigint, ...number[]])[], said = rows.length): Buffer {
  const text = Buffer.alloc(Math.ceil(Buffer.byteLength(json) / 8) * 8, ' ');
  text.write(json);
  const head = Buffer.alloc(8);
  head.writeUInt32LE(Buffer.byteLength(json), 0);
  head.writeUInt32LE(said, 4);
  const body = rows.map(([timeNs, ...values]) => {
    const row = Buffer.alloc(8 + 8 * values.length);
    row.writeBigUInt64LE(timeNs);
    values.forEach((value, i) => {
      row.writeDoubleLE(value, 8 + 8 * i);
    });
    return row;
  });
  return Buffer.concat([head, text, ...body]);
}

const SWAP = JSON.stringify({ columns: [{ name: 'swap', unit: 'bytes' }] });

describe('a SERIES chunk', () => {
  test.each([
    ['nothing', Buffer.alloc(0)],
    ['no JSON', payload('{"columns":[', [[1n, 1]])],
    ['no columns', payload('{"columns":[]}', [])],
    ['columns that are none', payload('{"columns":[null]}', [])],
    ['a unit that is none', payload('{"columns":[{"name":"a","unit":"parsecs"}]}', [[1n, 1]])],
    ['a length beyond its end', Buffer.from('ffffffff01000000', 'hex')],
  ])('of %s is refused and adds nothing', (_, bytes) => {
    const table = createSeriesTable();
    expect(table.add(bytes)).toBe(false);
    expect(table.all()).toEqual([]);
  });

  test('that promises more rows than it has gives those it has', () => {
    const table = createSeriesTable();
    expect(table.add(payload(SWAP, [[7n, 1]], 4_000_000_000))).toBe(false);
    expect(table.all()).toEqual([{ name: 'swap', unit: 'bytes', times: [7], values: [1] }]);
  });

  test('with names without end takes no memory without end', () => {
    const table = createSeriesTable();
    for (let i = 0; i < 2_000; i++) {
      table.add(payload(JSON.stringify({ columns: [{ name: `n${i}`, unit: 'count' }] }), [[1n, 1]]));
    }
    expect(table.all()).toHaveLength(1_000);
  });
});

test('a long series is thinned and keeps its start, its highest and lowest points', () => {
  const table = createSeriesTable();
  for (let i = 0; i < 100; i++) {
    const rows = Array.from({ length: 1_000 }, (_, j): [bigint, number] => {
      const at = i * 1_000 + j;
      return [BigInt(at), at === 12_345 ? 9e9 : at === 77_777 ? -9e9 : at % 7];
    });
    expect(table.add(payload(SWAP, rows))).toBe(true);
  }
  const [series] = table.all();
  expect(series?.times.length).toBeLessThanOrEqual(20_000);
  expect(series?.times[0]).toBe(0);
  expect(series?.times.at(-1)).toBe(99_999);
  expect(series?.times[series.values.indexOf(9e9)]).toBe(12_345);
  expect(series?.times[series.values.indexOf(-9e9)]).toBe(77_777);
  expect([...(series?.times ?? [])].sort((a, b) => a - b)).toEqual(series?.times);
});

test('the counters of a control group are gauges, and marks where they grew', async () => {
  const columns = ['cgroup_oom_kill', 'cgroup_max'].map((name) => ({ name, unit: 'count' }));
  const rows: [bigint, number, number][] = [
    [1_000n, 3, 10],
    [2_000n, 3, 12],
    [3_000n, 4, 12],
  ];
  const recorder = recordProcess(4711);
  recorder.process();
  recorder.raw(chunk(CHUNK.series, payload(JSON.stringify({ columns }), rows)));
  recorder.snapshot('end');
  const directory = writeRecording(temporaryDirectory('series'), { '4711.0.mpr': recorder.bytes() });
  const { gauges, marks } = await buildProfile(directory);
  expect(gauges.map(({ name, points }) => [name, points.map(({ value }) => value)])).toEqual([
    ['cgroup_oom_kill', [3, 3, 4]],
    ['cgroup_max', [10, 12, 12]],
  ]);
  const [, second, third] = gauges[0]?.points ?? [];
  expect(marks.filter(({ kind }) => kind === 'cgroup-event')).toEqual([
    { pid: 4711, kind: 'cgroup-event', name: 'max', timeNs: second?.timeNs },
    { pid: 4711, kind: 'cgroup-event', name: 'oom_kill', timeNs: third?.timeNs },
  ]);
});

describe('decimate', () => {
  test('keeps all of a short series', () => expect(decimate([3, 1, 2], 3)).toEqual([0, 1, 2]));

  test('never keeps more than asked, nor a point twice', () => {
    const values = Array.from({ length: 1_003 }, (_, i) => Math.sin(i / 9));
    for (const most of [4, 5, 10, 100, 999, 1_002]) {
      const kept = decimate(values, most);
      expect(kept.length).toBeLessThanOrEqual(most);
      expect(new Set(kept).size).toBe(kept.length);
      expect(kept[0]).toBe(0);
      expect(kept.at(-1)).toBe(1_002);
      expect(Math.max(...kept.map((at) => values[at] ?? 0))).toBe(Math.max(...values));
    }
  });
});
