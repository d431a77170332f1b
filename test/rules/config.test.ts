import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { MemprofError } from '../../src/errors.ts';
import { configJsonSchema, parseConfig } from '../../src/schema/config.ts';
import { JsonSyntaxError, parseJsonSource } from '../../src/schema/json-source.ts';
import { editDistance, nearest } from '../../src/schema/nearest.ts';

const rule = (text: string): string => `{ "version": 1, "rules": [{ ${text} }] }`;
const GOOD = '"name": "a", "match": { "function": "f" }, "pool": "p"';

/** What is said of a file that cannot be used. */
function complaint(text: string): string {
  try {
    parseConfig(text, 'memprof.config.json');
  } catch (error) {
    if (!(error instanceof MemprofError)) throw error;
    expect({ code: error.code, exitCode: error.exitCode }).toEqual({ code: 'BAD_CONFIG', exitCode: 2 });
    return error.message;
  }
  return 'nothing wrong';
}

it('takes rules as they are, and a file without any', () => {
  expect(parseConfig(rule(GOOD), 'x').rules).toEqual([{ name: 'a', match: { function: 'f' }, pool: 'p' }]);
  expect(parseConfig('\ufeff{"version": 1}', 'x').rules).toEqual([]);
});

describe('a file that cannot be used', () => {
  it.each([
    ['is empty', ' \n', '1:1: the file is empty'],
    ['ends too early', '{\n  "version": 1', '2:15: not JSON: the file ends too early'],
    ['is no JSON', '{\n  version: 1 }', '2:3: not JSON: expected a key in double quotes'],
    ['has a comma too many', '{ "version": 1, }', '1:17: not JSON: a comma before }'],
    ['has text behind it', '{ "version": 1 } x', '1:18: not JSON: text after the end of the JSON'],
    ['has a key twice', '{ "version": 1, "version": 1 }', '1:17: the key "version" is there twice'],
    ['is a list', '[]', '1:1: the file must be an object'],
    ['has no version', '{ "rules": [] }', '1:1: "version" is missing'],
    ['has a later version', '{ "version": 7 }', '1:14: version 7 is not known; this memprof knows 1'],
    ['has a key with a typo', '{ "version": 1, "ruels": [] }', '1:17: there is no key "ruels"; did you mean "rules"?'],
    [
      'has a strange key',
      '{ "version": 1, "x": 1 }',
      '1:17: there is no key "x"; valid here: $schema, version, rules, gate',
    ],
  ])('%s', (_what, text, message) => {
    expect(complaint(text)).toBe(`memprof.config.json:${message}`);
  });

  it.each([
    [
      'a typo',
      '"name": "a", "match": { "functoin": "f" }, "pool": "p"',
      '1:53: there is no key "functoin"; did you mean "function"?',
    ],
    [
      'a typo that makes a key missing',
      '"name": "a", "match": { "function": "f" }, "poool": "p"',
      '1:72: there is no key "poool"; did you mean "pool"?',
    ],
    [
      'a typo in the caller',
      '"name": "a", "match": { "function": "f", "caller": { "modul": "m" } }, "pool": "p"',
      '1:82: there is no key "modul"; did you mean "module"?',
    ],
    ['a missing key', '"match": { "function": "f" }, "pool": "p"', '1:27: "name" is missing'],
    [
      'a wrong word',
      '"name": "a", "match": { "function": "f", "where": "inermost" }, "pool": "p"',
      '1:79: "where" must be one of anywhere, innermost, native, leaf; did you mean "innermost"?',
    ],
    [
      'no condition',
      '"name": "a", "match": {}, "pool": "p"',
      '1:51: "match" has no condition; write "heap": "*" to match everything',
    ],
    [
      'an end of the stack without a frame',
      '"name": "a", "match": { "heap": "mmap", "where": "leaf" }, "pool": "p"',
      '1:51: "match" has `where` or `caller`, and no `function`, `module`, `script` or `package` that they belong to',
    ],
    [
      'an empty pattern',
      '"name": "a", "match": { "function": "" }, "pool": "p"',
      '1:65: "function" is empty: it would match nothing',
    ],
    ['an empty list', '"name": "a", "match": { "function": [] }, "pool": "p"', '1:65: "function" is an empty list'],
    [
      'a number among patterns',
      '"name": "a", "match": { "function": ["f", 3] }, "pool": "p"',
      '1:71: "function" must be a text or a list of texts',
    ],
    [
      'a regular expression',
      '"name": "a", "match": { "function": "/^(a+)+$/" }, "pool": "p"',
      '1:65: "function" is a regular expression; patterns are globs: * is any text, ? one character',
    ],
    [
      'one that is broken',
      '"name": "a", "match": { "function": ["f", "/(a/"] }, "pool": "p"',
      '1:71: "function" is a regular expression; patterns are globs: * is any text, ? one character',
    ],
    [
      'an escape sequence',
      '"name": "a", "match": { "function": "f" }, "pool": "\\u001b[31m"',
      '1:80: "pool" has control characters',
    ],
  ])('has a rule with %s', (_what, text, message) => {
    expect(complaint(rule(text))).toBe(`memprof.config.json:${message}`);
  });

  it('has a name twice', () => {
    const text = `{ "version": 1, "rules": [\n{ ${GOOD} },\n{ ${GOOD} }] }`;
    expect(complaint(text)).toBe('memprof.config.json:3:11: the name "a" is taken by the rule on line 2');
  });

  it('has more rules than anybody writes', () => {
    const rules = Array.from({ length: 20_001 }, (_, i) => ({ name: `r${i}`, match: { function: 'f' }, pool: 'p' }));
    expect(complaint(JSON.stringify({ version: 1, rules }))).toContain('"rules" has more than 20000 rules');
    expect(parseConfig(JSON.stringify({ version: 1, rules: rules.slice(1) }), 'x').rules).toHaveLength(20_000);
  });

  it('is not taken by the JSON schema either, and a good one is', () => {
    const validate = new Ajv2020({ strict: false }).compile(configJsonSchema());
    expect(validate(JSON.parse(rule(GOOD)))).toBe(true);
    expect(validate(JSON.parse(rule(GOOD.replace('function', 'functoin'))))).toBe(false);
    expect(validate({ version: 2 })).toBe(false);
  });
});

it('docs/reference/config.schema.json is the schema of the code', async () => {
  const file = fileURLToPath(new URL('../../docs/reference/config.schema.json', import.meta.url));
  await expect(`${JSON.stringify(configJsonSchema(), null, 2)}\n`).toMatchFileSnapshot(file);
});

it('the rules in the how-to are rules', () => {
  const guide = readFileSync(fileURLToPath(new URL('../../docs/how-to/write-rules.md', import.meta.url)), 'utf8');
  const examples = [...guide.matchAll(/```json\n(.*?)```/gs)].map(([, text = '']) => text);
  expect(examples.length).toBeGreaterThan(0);
  for (const text of examples) expect(parseConfig(text, 'write-rules.md').rules.length).toBeGreaterThan(0);
});

describe('JSON with places', () => {
  it.each(['{"a":[1,-2.5e3,true,null,"\\u00e4\\n"],"b":{"c":{}}}', '[]', '"x"', ' 0 ', '[[],[[]],{}]'])(
    'reads %s as JSON.parse does',
    (text) => {
      expect(parseJsonSource(text).value).toEqual(JSON.parse(text));
    },
  );

  it.each([
    '',
    '{',
    '[1,]',
    '{"a" 1}',
    '{"a":}',
    '01',
    '1.',
    '+1',
    '"a',
    '"\u0007"',
    '"\\x"',
    'nul',
    '[1 2]',
    '{a:1}',
    "{'a':1}",
    '\u00a01',
    '{"a":1}}',
  ])('refuses %j as JSON.parse does', (text) => {
    expect(() => JSON.parse(text)).toThrow();
    expect(() => parseJsonSource(text)).toThrow(JsonSyntaxError);
  });

  it('refuses what is nested too deeply, before the stack ends', () => {
    expect(() => parseJsonSource('['.repeat(100_000))).toThrow('deeper than 200 levels');
  });

  it('does not take __proto__ for more than a key', () => {
    const { value } = parseJsonSource('{"__proto__": {"polluted": 1}}');
    expect(Object.keys(value as object)).toEqual(['__proto__']);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('knows the place of a key, of its value, and of what holds a key that is missing', () => {
    const source = parseJsonSource('{\n  "a": [\n    { "b": 1 }\n  ]\n}');
    expect(source.positionOf(['a'])).toEqual({ line: 2, column: 3 });
    expect(source.positionOf(['a'], true)).toEqual({ line: 2, column: 8 });
    expect(source.positionOf(['a', 0, 'b'])).toEqual({ line: 3, column: 7 });
    expect(source.positionOf(['a', 0, 'c'])).toEqual({ line: 3, column: 5 });
  });
});

it('the nearest word is the one with the fewest letters to change', () => {
  expect(editDistance('kitten', 'sitting')).toBe(3);
  expect(editDistance('functoin', 'function')).toBe(1);
  expect(editDistance('', 'abc')).toBe(3);
  const words = ['function', 'module', 'script', 'package'];
  expect(nearest('Modul', words)).toBe('module');
  expect(nearest('packge', words)).toBe('package');
  expect(nearest('memory', words)).toBeUndefined();
  expect(nearest('x'.repeat(1e6), words)).toBeUndefined();
});
