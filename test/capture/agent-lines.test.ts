import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readAgentFacts } from '../../src/capture/agent-facts.ts';
import { followAgentFile } from '../../src/capture/agent-lines.ts';
import { scratch } from '../cli/run-cli.ts';

describe('following an agent file', () => {
  test('gives whole lines, in order, as they come', () => {
    const path = join(scratch(), 'agent.jsonl');
    writeFileSync(path, 'one\ntw');
    const tail = followAgentFile(path);
    const read = (): string[] => tail.readLines().map(String);
    expect(read()).toEqual(['one']);
    appendFileSync(path, 'o\n\nthree\n');
    expect(read()).toEqual(['two', 'three']);
    appendFileSync(path, 'cut off');
    expect(read()).toEqual([]);
    tail.close();
  });

  test('gives lines longer than what it reads at once', () => {
    const path = join(scratch(), 'agent.jsonl');
    const long = 'x'.repeat(3_000_017);
    writeFileSync(path, `${long}\nshort\n${long}`);
    const tail = followAgentFile(path);
    expect(tail.readLines().map((line) => line.length)).toEqual([3_000_017, 5]);
    appendFileSync(path, '\n');
    expect(tail.readLines().map((line) => line.length)).toEqual([3_000_017]);
    tail.close();
  });
});

describe('what the capture wants to know of a line', () => {
  const facts = (fields: object) => readAgentFacts(Buffer.from(JSON.stringify({ timeUnixNs: '7919', ...fields })));

  test('the time, and whether it is the last', () => {
    expect(facts({ type: 'exit', code: 0 })).toEqual({ timeUnixNs: 7919n, isLast: true });
    expect(facts({ type: 'maps', text: '' })).toEqual({ timeUnixNs: 7919n, isLast: false });
  });

  test('a sampler that stands down, and why', () => {
    const hello = { type: 'hello', node: 'v22.1.0', v8Sampler: 'off', reason: 'the program samples itself' };
    expect(facts(hello)?.notice).toEqual({
      code: 'V8_SAMPLER_OFF',
      message: 'no V8 samples: the program samples itself',
    });
    expect(facts({ ...hello, v8Sampler: 'on' })?.notice).toBeUndefined();
  });

  test.each(['v18.20.4', '16.0.0'])('Node %s is too old', (node) => {
    expect(facts({ type: 'hello', node, v8Sampler: 'on' })?.notice).toMatchObject({ code: 'NODE_TOO_OLD' });
  });

  test('a warning becomes a notice', () => {
    expect(facts({ type: 'warning', code: 'X', message: 'y' })?.notice).toEqual({ code: 'X', message: 'y' });
  });

  test('neither garbage nor a profile is looked into', () => {
    expect(readAgentFacts(Buffer.from('{"type":'))).toBeUndefined();
    expect(readAgentFacts(Buffer.from(`{"type":"v8profile","nodes":"${'x'.repeat(70_000)}"}`))).toBeUndefined();
  });
});
