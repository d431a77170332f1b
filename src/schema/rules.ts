import { EXIT, MemprofError } from '../errors.js';
import { type Rule, WHERES } from '../rules/rule.js';
import { type JsonSource, JsonSyntaxError, parseJsonSource, type TextPosition } from './json-source.js';
import { nearest } from './nearest.js';
import { z } from './zod.js';

export const CONFIG_FILE = 'memprof.config.json';
export const CONFIG_VERSION = 1;
/** Enough for anybody; a file of more was made by mistake. */
const MAX_RULES = 20_000;
const MAX_PATTERN = 500;
const MAX_NAME = 100;

const pattern = z
  .string()
  .min(1, 'is empty: it would match nothing')
  .max(MAX_PATTERN, `is longer than ${MAX_PATTERN} characters`)
  .refine(
    (text) => !/^\/.*[\\^$+()[\]|].*\/[dgimsuvy]*$/.test(text),
    'is a regular expression; patterns are globs: * is any text, ? one character',
  );
const patterns = z
  .union([pattern, z.array(pattern).min(1, 'is an empty list')])
  .describe('a glob, or several of which one must match: * is any text, ? one character');
/** What reports print: a line break or an escape sequence in it would be somebody's mischief. */
const name = z
  .string()
  .min(1, 'is empty')
  .max(MAX_NAME, `is longer than ${MAX_NAME} characters`)
  .regex(/^[^\p{C}]*$/u, 'has control characters');

const frame = {
  function: patterns
    .optional()
    .describe('name of a function: C++ without template arguments, and without parameters unless the pattern has a ('),
  module: patterns.optional().describe('file name of a binary'),
  script: patterns.optional().describe('script: its path if the pattern has a /, else its file name'),
  package: patterns.optional().describe('npm package that a script belongs to'),
};
const FrameMatch = z.strictObject(frame).refine(isNotEmpty, 'has no condition');

const Match = z
  .strictObject({
    ...frame,
    where: z.enum(WHERES).optional().describe('where the frame must be on the stack'),
    caller: FrameMatch.optional().describe('a frame nearer to the root'),
    heap: patterns.optional().describe('libc.malloc, mmap, mmap.file, v8, wasm, custom:<name>'),
    file: patterns.optional().describe('mapped file: its path if the pattern has a /, else its file name'),
    region: patterns.optional().describe("the allocator's or V8's own word for the region: glibc#0, v8:pages"),
  })
  .refine(isNotEmpty, 'has no condition; write "heap": "*" to match everything')
  .refine(
    (match) => hasFrame(match) || (match.where === undefined && match.caller === undefined),
    'has `where` or `caller`, and no `function`, `module`, `script` or `package` that they belong to',
  );

const RuleSchema = z.strictObject({
  name: name.describe('unique; `memprof rules test` shows it'),
  match: Match.describe('all conditions that are given must hold'),
  pool: name.describe('what the memory is for: weights, kv-cache, scratch'),
  arena: name.optional().describe('<library>:<kind>; the pool if left out'),
  stage: name.optional(),
});

export const Config = z.strictObject({
  $schema: z.string().optional(),
  version: z.literal(CONFIG_VERSION),
  rules: z
    .array(RuleSchema)
    .max(MAX_RULES, `has more than ${MAX_RULES} rules`)
    .default([])
    .describe('tried in order, before the rules that memprof comes with; the first match wins'),
});

function isNotEmpty(match: object): boolean {
  return Object.values(match).some((value) => value !== undefined);
}

function hasFrame(match: z.output<typeof FrameMatch>): boolean {
  return [match.function, match.module, match.script, match.package].some((value) => value !== undefined);
}

/**
 * The rules of a configuration file.
 * @throws MemprofError BAD_CONFIG (usage): path, line, column, what is wrong there, and the nearest key or value that would be right.
 */
export function parseConfig(text: string, path: string, exitCode: number = EXIT.usage): readonly Rule[] {
  const source = readSource(text, path, exitCode);
  const fail = (position: TextPosition, message: string): never => {
    throw badConfig(path, position, message, exitCode);
  };
  const [duplicate] = source.duplicates;
  if (duplicate) fail(duplicate.position, `the key "${duplicate.key}" is there twice`);
  const result = Config.safeParse(source.value);
  if (!result.success) {
    const { issues } = result.error;
    // A key with a typo is why another one is missing.
    const first = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0];
    if (first !== undefined) {
      const { position, message } = describe(first, source);
      fail(position, message);
    }
    throw result.error;
  }
  const seen = new Map<string, number>();
  for (const [index, rule] of result.data.rules.entries()) {
    const before = seen.get(rule.name);
    if (before !== undefined) {
      const { line } = source.positionOf(['rules', before, 'name'], true);
      fail(
        source.positionOf(['rules', index, 'name'], true),
        `the name "${rule.name}" is taken by the rule on line ${line}`,
      );
    }
    seen.set(rule.name, index);
  }
  return result.data.rules as readonly Rule[];
}

function readSource(text: string, path: string, exitCode: number): JsonSource {
  if (text.trim() === '') throw badConfig(path, { line: 1, column: 1 }, 'the file is empty', exitCode);
  try {
    return parseJsonSource(text.replace(/^\ufeff/, ' '));
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw badConfig(path, error.position, `not JSON: ${error.message}`, exitCode);
    throw error;
  }
}

function badConfig(path: string, { line, column }: TextPosition, message: string, exitCode: number): MemprofError {
  return new MemprofError(`${path}:${line}:${column}: ${message}`, {
    code: 'BAD_CONFIG',
    exitCode,
    hint: 'docs/how-to/write-rules.md shows what such a file may say.',
  });
}

type Issue = z.core.$ZodIssue;

/** Where an issue stands and what to say of it. */
function describe(issue: Issue, source: JsonSource): { position: TextPosition; message: string } {
  const at = (path: readonly PropertyKey[], message: string, isValue = true) => ({
    position: source.positionOf(path, isValue),
    message,
  });
  const field = String(issue.path.findLast((part) => typeof part === 'string') ?? 'the file');
  const said = issue.path.length === 0 ? 'the file' : `"${field}"`;
  switch (issue.code) {
    case 'unrecognized_keys': {
      const [key = ''] = issue.keys;
      const valid = keysAt(issue.path);
      const meant = nearest(key, valid);
      const hint = meant === undefined ? `valid here: ${valid.join(', ')}` : `did you mean "${meant}"?`;
      return at([...issue.path, key], `there is no key "${key}"; ${hint}`, false);
    }
    case 'invalid_type': {
      const isMissing = issue.input === undefined && valueAt(source.value, issue.path) === undefined;
      if (!isMissing) return at(issue.path, `${said} must be ${article(issue.expected)}`);
      return at(issue.path.slice(0, -1), `"${field}" is missing`);
    }
    case 'invalid_value': {
      const value = valueAt(source.value, issue.path);
      if (value === undefined) return at(issue.path.slice(0, -1), `"${field}" is missing`);
      if (field === 'version') {
        return at(issue.path, `version ${JSON.stringify(value)} is not known; this memprof knows ${CONFIG_VERSION}`);
      }
      const meant = nearest(String(value), issue.values.map(String));
      const hint = meant === undefined ? '' : `; did you mean "${meant}"?`;
      return at(issue.path, `${said} must be one of ${issue.values.join(', ')}${hint}`);
    }
    case 'invalid_union': {
      // A pattern or a list of them: say what is wrong with the one that was tried.
      const isList = Array.isArray(valueAt(source.value, issue.path));
      const [inner] = issue.errors[isList ? 1 : 0] ?? [];
      if (inner === undefined || inner.code === 'invalid_type') {
        return at([...issue.path, ...(inner?.path ?? [])], `${said} must be a text or a list of texts`);
      }
      return describe({ ...inner, path: [...issue.path, ...inner.path] } as Issue, source);
    }
    default:
      return at(issue.path, `${said} ${issue.message}`);
  }
}

function article(expected: string): string {
  return expected === 'string' ? 'a text' : expected === 'array' ? 'a list' : `an ${expected}`;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (inner, key) =>
      typeof inner === 'object' && inner !== null ? (inner as Record<PropertyKey, unknown>)[key] : undefined,
    value,
  );
}

/** The keys of the object that a path leads to. */
function keysAt(path: readonly PropertyKey[]): string[] {
  const last = path.at(-1);
  if (last === 'match') return Object.keys(Match.shape);
  if (last === 'caller') return Object.keys(FrameMatch.shape);
  return Object.keys(path.length === 0 ? Config.shape : RuleSchema.shape);
}

/** The JSON schema in docs/reference/config.schema.json, which editors take. */
export function configJsonSchema(): object {
  return {
    ...z.toJSONSchema(Config, { io: 'input' }),
    $id: 'config.schema.json',
    title: 'memprof.config.json',
  };
}
