import { agent } from './agent.js';
import { cleanName } from './names.js';
import { type Scope, TagScope } from './scope.js';

/** Whose work it is: `{ tenant: 'acme', model: 'small' }`. */
export type Labels = Readonly<Record<string, string | number | boolean>>;

/** Of one context, with those of the contexts around it. */
const MAX_KEYS = 4;
/** Scopes that are kept for the next time. */
const MAX_KNOWN = 4096;
const known = new Map<string, Scope>();
const passThrough = new TagScope(0);

/**
 * Labels of a request or a tenant; with a function, `label(labels).run(fn)`. Inside other labels they are added, and an inner value
 * replaces an outer one of the same key. A context has four keys at most, and the recording a hundred values of each: what comes
 * later is counted to `(other)`, and a report says so.
 * @throws TypeError if the labels are no object.
 */
export function label(labels: Labels): Scope;
export function label<T>(labels: Labels, fn: () => T): T;
export function label<T>(labels: Labels, fn?: () => T): Scope | T {
  if (labels === null || typeof labels !== 'object') throw new TypeError('memprof: labels must be an object');
  if (agent === undefined) return fn === undefined ? passThrough : fn();
  const scope = scopeFor(labels);
  return fn === undefined ? scope : scope.run(fn);
}

function scopeFor(labels: Labels): Scope {
  const key = keyOf(labels);
  let scope = known.get(key);
  if (scope === undefined) {
    scope = new TagScope(agent?.labels(Object.entries(labels).slice(0, MAX_KEYS).map(pairOf).sort().join(',')) ?? 0);
    if (known.size < MAX_KNOWN) known.set(key, scope);
  }
  return scope;
}

/** The labels as they are given, for a quick look whether they were given before. */
function keyOf(labels: Labels): string {
  let key = '';
  for (const name of Object.keys(labels)) key += `${name}\0${textOf(labels[name])}\0`;
  return key;
}

/** A comma or an equals sign in a name would end it. */
function pairOf([key, value]: [string, unknown]): string {
  return `${cleanName(key.replace(/[,=]/g, '_'))}=${cleanName(textOf(value).replace(/,/g, '_'))}`;
}

/** What is no label by its type must not call code of the program's here. */
function textOf(value: unknown): string {
  return typeof value === 'object' || typeof value === 'function' ? `(${typeof value})` : String(value);
}
