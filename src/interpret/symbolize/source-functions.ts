import { createRequire } from 'node:module';
import type { Node } from 'acorn';

// Loaded by the first script that needs it: 6,000 lines that a program without scripts of its own should not wait for.
const acorn = (): typeof import('acorn') => createRequire(import.meta.url)('acorn');

/** A function in a source text. Offsets are UTF-16 units. */
export interface SourceFunction {
  readonly start: number;
  /** Where the body begins: V8's start position of the function lies between `start` and this. */
  readonly bodyStart: number;
  readonly end: number;
  /** The name that the text gives it, '' if none: what V8 calls it, too. */
  readonly key: string;
  /** The name that people look for: docs/reference/names.md. */
  readonly qualifiedName: string;
}

/**
 * The functions of a script with their names. Undefined if the text does not parse as JavaScript, e.g. TypeScript or a template.
 */
export function findFunctions(text: string): SourceFunction[] | undefined {
  for (const sourceType of ['module', 'script'] as const) {
    try {
      const options = { ecmaVersion: 'latest', allowHashBang: true, allowReturnOutsideFunction: true } as const;
      const functions: SourceFunction[] = [];
      visit(acorn().parse(text, { ...options, sourceType }) as unknown as AnyNode, '', { parents: [], functions });
      return functions;
    } catch (error) {
      // RangeError: a machine-written expression nested too deep for the stack. Names stay those that V8 knows.
      if (!(error instanceof SyntaxError) && !(error instanceof RangeError)) throw error;
    }
  }
  return undefined;
}

/** The innermost function whose head covers a position. `end` -1: unknown. */
export function functionAt(
  functions: readonly SourceFunction[],
  start: number,
  end: number,
): SourceFunction | undefined {
  const covering = functions.filter(
    (fn) => fn.start <= start && start <= fn.bodyStart && (end < 0 || Math.abs(fn.end - end) <= 1),
  );
  return covering.reduce<SourceFunction | undefined>(
    (best, fn) => (best === undefined || fn.start >= best.start ? fn : best),
    undefined,
  );
}

/** What we use of an ESTree node: https://github.com/estree/estree */
interface AnyNode extends Node {
  readonly [field: string]: unknown;
}

interface Context {
  /** The nodes around the current one, the innermost last. */
  readonly parents: AnyNode[];
  readonly functions: SourceFunction[];
}

const FUNCTION_TYPES = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']);

/** @param outer qualified name of the function around, '' at top level. */
function visit(node: AnyNode, outer: string, context: Context): void {
  let inner = outer;
  if (FUNCTION_TYPES.has(node.type)) {
    const { key, qualifiedName } = nameOf(node, context.parents, outer);
    const bodyStart = (node.body as Node).start;
    context.functions.push({ start: node.start, bodyStart, end: node.end, key, qualifiedName });
    inner = qualifiedName;
  }
  context.parents.push(node);
  for (const field in node) {
    const value = node[field];
    if (Array.isArray(value)) {
      for (const child of value) if (isNode(child)) visit(child, inner, context);
    } else if (isNode(value)) {
      visit(value, inner, context);
    }
  }
  context.parents.pop();
}

function isNode(value: unknown): value is AnyNode {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';
}

interface Name {
  readonly key: string;
  readonly qualifiedName: string;
}

const same = (name: string): Name => ({ key: name, qualifiedName: name });

function nameOf(fn: AnyNode, parents: readonly AnyNode[], outer: string): Name {
  const own = identifier(fn.id);
  const parent = parents.at(-1);
  const fromParent = own === '' && parent !== undefined ? nameByParent(fn, parent, parents) : undefined;
  if (own !== '') return same(own);
  if (fromParent !== undefined && fromParent.qualifiedName !== '') return fromParent;
  return {
    key: '',
    qualifiedName: outer === '' ? '(anonymous)' : `${outer.replace(/( \(anonymous\))+$/, '')} (anonymous)`,
  };
}

function nameByParent(fn: AnyNode, parent: AnyNode, parents: readonly AnyNode[]): Name | undefined {
  switch (parent.type) {
    case 'MethodDefinition':
    case 'PropertyDefinition': {
      const key = keyName(parent);
      // parents: class, class body, member.
      const owner = className(parents.at(-3), parents.at(-4));
      if (parent.kind === 'constructor') return { key: owner, qualifiedName: owner === '' ? '' : `new ${owner}` };
      return key === '' ? undefined : member(owner, key, parent.kind);
    }
    case 'Property': {
      const key = keyName(parent);
      return key === '' ? undefined : member(assignedName(parents.at(-2), parents.at(-3)), key, parent.kind);
    }
    case 'VariableDeclarator':
      return same(identifier(parent.id));
    case 'AssignmentPattern':
      return same(identifier(parent.left));
    case 'AssignmentExpression': {
      const target = dotted(parent.left);
      return { key: target.slice(target.lastIndexOf('.') + 1), qualifiedName: target };
    }
    case 'ExportDefaultDeclaration':
      return same('default');
    case 'CallExpression':
    case 'NewExpression': {
      if (parent.callee === fn) return undefined;
      const callee = dotted(parent.callee);
      const prefix = parent.type === 'NewExpression' ? 'new ' : '';
      return callee === '' ? undefined : { key: '', qualifiedName: `${prefix}${callee} callback` };
    }
    default:
      return undefined;
  }
}

function member(owner: string, key: string, kind: unknown): Name {
  const accessor = kind === 'get' || kind === 'set' ? `${kind} ` : '';
  return { key: `${accessor}${key}`, qualifiedName: `${owner === '' ? '' : `${owner}.`}${accessor}${key}` };
}

function className(node: AnyNode | undefined, parent: AnyNode | undefined): string {
  return identifier(node?.id) || assignedName(node, parent);
}

/** The variable or property that an object or class is given to. */
function assignedName(value: AnyNode | undefined, parent: AnyNode | undefined): string {
  if (value === undefined || parent === undefined) return '';
  if (parent.type === 'VariableDeclarator' && parent.init === value) return identifier(parent.id);
  if (parent.type === 'AssignmentExpression' && parent.right === value) return dotted(parent.left);
  return '';
}

/** Of a member with a name that is written down: `append`, `#grow`, `'a-b'`. */
function keyName({ key, computed }: AnyNode): string {
  if (!isNode(key)) return '';
  if (key.type === 'PrivateIdentifier') return `#${String(key.name)}`;
  if (key.type === 'Literal') return String(key.value);
  return computed === true ? '' : identifier(key);
}

function identifier(node: unknown): string {
  return isNode(node) && node.type === 'Identifier' ? String(node.name) : '';
}

/** `server.on`, `this.queue.push`; the last name alone where what is before it has no name: `fetch(x).then` is `then`. */
function dotted(node: unknown): string {
  if (!isNode(node)) return '';
  if (node.type === 'ChainExpression') return dotted(node.expression);
  if (node.type === 'ThisExpression') return 'this';
  if (node.type === 'Super') return 'super';
  if (node.type !== 'MemberExpression') return identifier(node);
  const object = dotted(node.object);
  const key =
    isNode(node.property) && node.property.type === 'PrivateIdentifier' ? `#${String(node.property.name)}` : '';
  const property = key || (node.computed === true ? '' : identifier(node.property));
  return object === '' || property === '' ? property : `${object}.${property}`;
}
