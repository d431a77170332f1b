import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  buildProbe,
  fixture,
  type JsFrame,
  NODE_LINES,
  type NodeLine,
  nodeBinary,
  type ProbeRun,
  runProbe,
  scratch,
} from './helpers/js-probe.ts';

const FIXTURE = fixture('call-positions.cjs');

/** Frames of Maglev (on by default from Node 24) fall back to its position table while V8 is changing them: then marked. */
const LEAST_EXACT = { 20: 1, 22: 1, 24: 0.995, 26: 0.995 };

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

/** Runs the fixture and compares all its stacks. `total` counts the call positions that V8 printed. */
function judge(line: NodeLine, flags: string[], rounds = 20_000): Comparison & { total: number; run: ProbeRun } {
  const run = runProbe(probe, [nodeBinary(line), ...flags, FIXTURE], { ROUNDS: String(rounds) });
  const { expected } = JSON.parse(run.stdout) as { expected: Record<string, string[]> };
  const result = { exact: 0, admitted: 0, wrong: [] as string[], total: 0, run };
  // One more where Maglev is on by default: code of each optimizer is thrown away.
  expect(Object.keys(expected)).toHaveLength(line >= 24 ? 161 : 160);
  for (const [mark, lines] of Object.entries(expected)) {
    const places = lines.flatMap(parseStackLine);
    const frames = (run.stacks.get(Number(mark)) ?? []).filter(({ script }) => script === FIXTURE);
    expect(frames[0]?.name, 'the function that allocated').toBe('leaf');
    compare(mark, frames.slice(1), places, result);
    result.total += places.length;
  }
  expect(result.total).toBeGreaterThan(930);
  expect(result.wrong).toEqual([]);
  expect(result.exact + result.admitted).toBe(result.total);
  return result;
}

describe('the current line of every frame, against Error().stack', () => {
  test.each(NODE_LINES)('Node %i, in all tiers', (line) => {
    const { exact, admitted, total, run } = judge(line, []);
    console.log(
      `Node ${line}, V8 ${run.stats.v8}: ${exact} of ${total} call positions exact, ${admitted} wrong but marked`,
    );
    expect(exact / total).toBeGreaterThanOrEqual(LEAST_EXACT[line]);
    expect(run.stats.unknown).toBe(0);
    expect([...run.stacks.values()].flat().some((frame) => frame.inlined)).toBe(true);
  });

  const TIERS = [
    { tier: 'the interpreter alone', flags: ['--jitless'] },
    { tier: 'baseline code at once', flags: ['--always-sparkplug', '--no-opt', '--no-maglev'] },
    { tier: 'without Maglev', flags: ['--no-maglev'] },
  ];
  test.each(NODE_LINES.flatMap((line) => TIERS.map((tier) => ({ line, ...tier }))))(
    'Node $line, $tier: all exact',
    ({ line, flags }) => {
      expect(judge(line, flags, 300)).toMatchObject({ admitted: 0 });
    },
  );

  test.each([20, 22] as const)('Node %i with Maglev, off by default: nothing wrong that is not marked', (line) => {
    expect(judge(line, ['--maglev']).exact).toBeGreaterThan(700);
  });
});
