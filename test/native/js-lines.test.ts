import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildProbe, fixture, type JsFrame, NODE_LINES, nodeBinary, runProbe, scratch } from './helpers/js-probe.ts';

const FIXTURE = fixture('call-positions.cjs');

/** Frames of Maglev (on by default from Node 24) fall back to its position table while V8 is changing them: then marked. */
const LEAST_EXACT = { 20: 1, 22: 1, 24: 0.99, 26: 0.99 };

interface Place {
  name: string;
  line: number;
  column: number;
}

const directory = scratch();
let probe = '';
beforeAll(() => {
  probe = buildProbe(directory.path);
});
afterAll(directory.dispose);

const lineStarts = [0, ...[...readFileSync(FIXTURE, 'utf8').matchAll(/\n/g)].map((match) => match.index + 1)];

function placeOf({ name, position }: JsFrame): Place {
  const line = lineStarts.filter((start) => start <= position).length;
  return { name, line, column: position - (lineStarts[line - 1] ?? 0) + 1 };
}

/** What V8 prints: "at new Worker (file:1:2)", "at Worker.run (file:1:2)", "at file:1:2". */
function parseStackLine(text: string): Place[] {
  const match = /at (?:(?<name>.*) \()?[^()]*call-positions\.cjs:(?<line>\d+):(?<column>\d+)\)?$/.exec(text);
  if (match?.groups === undefined) return [];
  const name = (match.groups.name ?? '').replace(/^new /, '').replace(/^.*\./, '');
  return [
    { name: name === '<anonymous>' ? '' : name, line: Number(match.groups.line), column: Number(match.groups.column) },
  ];
}

const same = (a: Place, b: Place) => a.name === b.name && a.line === b.line && a.column === b.column;

interface Comparison {
  exact: number;
  /** Wrong, and said to be approximate. */
  admitted: number;
  wrong: string[];
}

/** Walks both stacks. An approximate frame may have lost its place, and with it the frames inlined above it. */
function compare(mark: string, decoded: JsFrame[], expected: Place[], result: Comparison): void {
  let next = 0;
  for (const frame of decoded) {
    const place = placeOf(frame);
    const at = expected.findIndex((each, i) => i >= next && each.name === place.name);
    const skipped = at - next;
    const wanted = expected[at];
    if (wanted === undefined || (skipped > 0 && !frame.approximate)) {
      result.wrong.push(`${mark}: unexpected ${JSON.stringify(place)} for ${JSON.stringify(expected[next])}`);
      return;
    }
    if (same(place, wanted)) result.exact++;
    else if (frame.approximate) result.admitted++;
    else result.wrong.push(`${mark}: ${JSON.stringify(place)} for ${JSON.stringify(wanted)}`);
    result.admitted += skipped;
    next = at + 1;
  }
  if (next < expected.length) result.wrong.push(`${mark}: ${expected.length - next} frames missing`);
}

describe('the current line of every frame, against Error().stack, in every tier', () => {
  test.each(NODE_LINES)('Node %i', (line) => {
    const { stdout, stacks, stats } = runProbe(probe, [nodeBinary(line), FIXTURE]);
    const { expected } = JSON.parse(stdout) as { expected: Record<string, string[]> };
    const result: Comparison = { exact: 0, admitted: 0, wrong: [] };
    let total = 0;
    for (const [mark, lines] of Object.entries(expected)) {
      const places = lines.flatMap(parseStackLine);
      const frames = (stacks.get(Number(mark)) ?? []).filter(({ script }) => script === FIXTURE);
      expect(frames[0]?.name, 'the function that allocated').toBe('leaf');
      compare(mark, frames.slice(1), places, result);
      total += places.length;
    }
    console.log(
      `Node ${line}, V8 ${stats.v8}: ${result.exact} of ${total} call positions exact, ${result.admitted} wrong but marked`,
    );
    expect(Object.keys(expected)).toHaveLength(160);
    expect(total).toBeGreaterThan(930);
    expect(result.wrong).toEqual([]);
    expect(result.exact + result.admitted).toBe(total);
    expect(result.exact / total).toBeGreaterThanOrEqual(LEAST_EXACT[line]);
    expect(stats.unknown).toBe(0);
    expect([...stacks.values()].flat().some((frame) => frame.inlined)).toBe(true);
  });

  test.each([24, 26] as const)('Node %i without Maglev: all exact', (line) => {
    const { stdout, stacks } = runProbe(probe, [nodeBinary(line), '--no-maglev', FIXTURE]);
    const { expected } = JSON.parse(stdout) as { expected: Record<string, string[]> };
    const result: Comparison = { exact: 0, admitted: 0, wrong: [] };
    for (const [mark, lines] of Object.entries(expected)) {
      const frames = (stacks.get(Number(mark)) ?? []).filter(({ script }) => script === FIXTURE);
      compare(mark, frames.slice(1), lines.flatMap(parseStackLine), result);
    }
    expect(result.wrong).toEqual([]);
    expect(result.admitted).toBe(0);
    expect(result.exact).toBeGreaterThan(930);
  });
});
