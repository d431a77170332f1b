import { WHERES } from '../rules/rule.js';
import { z } from './zod.js';

/** Enough for anybody; a file of more was made by mistake. */
export const MAX_RULES = 20_000;
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

export const RuleSchema = z.strictObject({
  name: name.describe('unique; `memprof rules test` shows it'),
  match: Match.describe('all conditions that are given must hold'),
  pool: name.describe('what the memory is for: weights, kv-cache, scratch'),
  arena: name.optional().describe('<library>:<kind>; the pool if left out'),
  stage: name.optional(),
});

function isNotEmpty(match: object): boolean {
  return Object.values(match).some((value) => value !== undefined);
}

function hasFrame(match: z.output<typeof FrameMatch>): boolean {
  return [match.function, match.module, match.script, match.package].some((value) => value !== undefined);
}
