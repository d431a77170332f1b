import { MemprofError } from '../errors.js';
import { type JsonSource, JsonSyntaxError, parseJsonSource, type TextPosition } from './json-source.js';
import { nearest } from './nearest.js';
import type { z } from './zod.js';

/** How an error about a file is raised. */
export interface FileErrors {
  readonly code: string;
  readonly exitCode: number;
  readonly hint: string;
}

export interface CheckedJson<T> {
  readonly value: T;
  readonly positionOf: JsonSource['positionOf'];
  /** Raises the error that `checkJson` would. */
  readonly fail: (position: TextPosition, message: string) => never;
}

/**
 * A JSON text that people write or review, checked.
 * @throws MemprofError with the given code: path, line, column, what is wrong there, and the nearest key or value that would be right.
 */
export function checkJson<S extends z.ZodType>(
  text: string,
  path: string,
  schema: S,
  errors: FileErrors,
): CheckedJson<z.output<S>> {
  const fail = ({ line, column }: TextPosition, message: string): never => {
    throw new MemprofError(`${path}:${line}:${column}: ${message}`, errors);
  };
  const source = readSource(text, fail);
  const [duplicate] = source.duplicates;
  if (duplicate) fail(duplicate.position, `the key "${duplicate.key}" is there twice`);
  const result = schema.safeParse(source.value);
  if (!result.success) {
    const { issues } = result.error;
    // A key with a typo is why another one is missing.
    const first = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0];
    if (first === undefined) throw result.error;
    const { position, message } = describe(first, source, schema);
    fail(position, message);
  }
  return { value: result.data as z.output<S>, positionOf: source.positionOf, fail };
}

function readSource(text: string, fail: (position: TextPosition, message: string) => never): JsonSource {
  if (text.trim() === '') fail({ line: 1, column: 1 }, 'the file is empty');
  try {
    return parseJsonSource(text.replace(/^\ufeff/, ' '));
  } catch (error) {
    if (error instanceof JsonSyntaxError) fail(error.position, `not JSON: ${error.message}`);
    throw error;
  }
}

type Issue = z.core.$ZodIssue;

/** Where an issue stands and what to say of it. */
function describe(issue: Issue, source: JsonSource, schema: z.ZodType): { position: TextPosition; message: string } {
  const at = (path: readonly PropertyKey[], message: string, isValue = true) => ({
    position: source.positionOf(path, isValue),
    message,
  });
  const field = String(issue.path.findLast((part) => typeof part === 'string') ?? 'the file');
  const said = issue.path.length === 0 ? 'the file' : `"${field}"`;
  switch (issue.code) {
    case 'unrecognized_keys': {
      const [key = ''] = issue.keys;
      const valid = keysAt(schema, issue.path);
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
        return at(
          issue.path,
          `version ${JSON.stringify(value)} is not known; this memprof knows ${issue.values.join(', ')}`,
        );
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
      return describe({ ...inner, path: [...issue.path, ...inner.path] } as Issue, source, schema);
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
function keysAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): string[] {
  const { def } = schema as z.ZodType & { def: z.core.$ZodTypes['_zod']['def'] };
  switch (def.type) {
    case 'optional':
    case 'default':
    case 'nullable':
      return keysAt(def.innerType, path);
    case 'array':
      return keysAt(def.element, path.slice(1));
    case 'record':
      return keysAt(def.valueType, path.slice(1));
    case 'object': {
      const [key, ...rest] = path;
      if (key === undefined) return Object.keys(def.shape);
      const inner = def.shape[String(key)];
      return inner === undefined ? [] : keysAt(inner, rest);
    }
    default:
      return [];
  }
}
