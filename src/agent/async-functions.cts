/** Finds the async functions that lower-async.cts may rewrite: those of which a generator does exactly the same. */
import type { Node } from 'acorn';

/** What we use of an ESTree node: https://github.com/estree/estree */
interface AnyNode extends Node {
  readonly [field: string]: unknown;
}

interface AsyncFunction {
  readonly node: AnyNode;
  /** '' if the function is anonymous. */
  readonly name: string;
  /** Where the word `async` begins. */
  readonly asyncAt: number;
  readonly isArrow: boolean;
  usesThis: boolean;
  /** `length` of the function. */
  readonly arity: number;
}

/** Of one function while its body is walked through. */
interface Scope {
  readonly node: AnyNode;
  readonly isArrow: boolean;
  readonly isConstructor: boolean;
  awaits: number;
  usesThis: boolean;
  /** Something in it that a generator inside the function would do differently. */
  isFixed: boolean;
}

const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']);
const ASYNC_WORD = /^(?:static\s+)?async(?=[\s(*[#"'\w$])/;

/** The functions of a parsed script by their nodes. */
function findAsyncFunctions(program: AnyNode, text: string): Map<AnyNode, AsyncFunction> {
  const found = new Map<AnyNode, AsyncFunction>();
  const scopes: Scope[] = [];

  /** Arrow functions take these from the function around them. */
  function markAround(mark: (scope: Scope) => void): void {
    for (const scope of scopes.toReversed()) {
      mark(scope);
      if (!scope.isArrow) return;
    }
  }

  /** In a constructor `this` may not be there yet when an arrow function is called. */
  function markThis(): void {
    let isInConstructor = false;
    markAround((scope) => {
      scope.usesThis = true;
      isInConstructor = scope.isConstructor;
    });
    if (!isInConstructor) return;
    markAround((scope) => {
      scope.isFixed = true;
    });
  }

  function markAll(): void {
    for (const scope of scopes) scope.isFixed = true;
  }

  function enter(node: AnyNode, parent: AnyNode): void {
    const scope = scopes.at(-1);
    switch (node.type) {
      case 'AwaitExpression':
        if (scope !== undefined) scope.awaits++;
        return;
      case 'ForOfStatement':
        if (node.await !== true || scope === undefined) return;
        scope.awaits++;
        // Its label would end up on the block that we put around it.
        if (parent.type === 'LabeledStatement' || hasAwait(node.left)) scope.isFixed = true;
        return;
      case 'ThisExpression':
        markThis();
        return;
      case 'Super':
      case 'MetaProperty':
        if (node.type === 'Super' || (node.meta as AnyNode).name === 'new') {
          markAround((each) => {
            each.isFixed = true;
          });
        }
        return;
      case 'WithStatement':
        markAll();
        return;
      case 'Identifier':
        if (node.name === 'eval') markAll();
        if (node.name !== 'arguments' && node.name !== 'yield') return;
        // A generator has arguments of its own: those that the function was called with, but not those around an arrow.
        markAround((each) => {
          each.isFixed ||= each.isArrow || node.name === 'yield';
        });
        return;
    }
  }

  function leaveFunction(scope: Scope, parent: AnyNode, before: AnyNode | undefined): void {
    const { node, isArrow, usesThis } = scope;
    if (node.async !== true || node.generator === true || scope.isFixed || scope.awaits === 0) return;
    if (hasDirective(node.body as AnyNode)) return;
    const isMember = parent.type === 'MethodDefinition' || (parent.type === 'Property' && parent.method === true);
    const owner = isMember ? parent : node;
    const word = ASYNC_WORD.exec(text.slice(owner.start, owner.start + 64))?.[0];
    if (word === undefined) return;
    // Without its first word, what follows a line without a semicolon could be taken for the end of that line.
    if (parent.type === 'ExpressionStatement') return;
    if (parent.type === 'MethodDefinition' && before?.type === 'PropertyDefinition' && text[before.end - 1] !== ';')
      return;
    const name = nameOf(node.id) || nameGiven(parent);
    const params = node.params as AnyNode[];
    const optional = params.findIndex(({ type }) => type === 'AssignmentPattern' || type === 'RestElement');
    const arity = optional < 0 ? params.length : optional;
    found.set(node, { node, name, asyncAt: owner.start + word.length - 'async'.length, isArrow, usesThis, arity });
  }

  function visit(node: AnyNode, parent: AnyNode, before: AnyNode | undefined): void {
    enter(node, parent);
    const isFunction = FUNCTIONS.has(node.type);
    // Fields and static blocks have a `this` of their own.
    const isBoundary = isFunction || node.type === 'PropertyDefinition' || node.type === 'StaticBlock';
    if (isBoundary) {
      const isArrow = node.type === 'ArrowFunctionExpression';
      const isConstructor = parent.kind === 'constructor';
      scopes.push({ node, isArrow, isConstructor, awaits: 0, usesThis: false, isFixed: false });
    }
    visitChildren(node, visit, before);
    const scope = isBoundary ? scopes.pop() : undefined;
    if (isFunction && scope !== undefined) leaveFunction(scope, parent, before);
  }

  visit(program, program, undefined);
  return found;
}

/** @param visit called with each child, its parent and the child before it in a list; for methods, that before the method. */
function visitChildren(
  node: AnyNode,
  visit: (child: AnyNode, parent: AnyNode, before: AnyNode | undefined) => void,
  before?: AnyNode,
): void {
  for (const value of Object.values(node)) {
    if (Array.isArray(value)) {
      let last: AnyNode | undefined;
      for (const child of value) {
        if (isNode(child)) visit(child, node, last);
        last = isNode(child) ? child : undefined;
      }
    } else if (isNode(value)) {
      visit(value, node, before);
    }
  }
}

function isNode(value: unknown): value is AnyNode {
  return typeof value === 'object' && value !== null && typeof (value as AnyNode).type === 'string';
}

function hasAwait(value: unknown): boolean {
  if (!isNode(value)) return false;
  if (value.type === 'AwaitExpression') return true;
  let has = false;
  visitChildren(value, (child) => {
    has ||= hasAwait(child);
  });
  return has;
}

function hasDirective(body: AnyNode): boolean {
  if (body.type !== 'BlockStatement') return false;
  return (body.body as AnyNode[]).some((statement) => typeof statement.directive === 'string');
}

/** What V8 calls an anonymous function that this is the parent of. */
function nameGiven(parent: AnyNode): string {
  if (parent.computed === true) return '';
  return nameOf(parent.key ?? parent.id ?? parent.left);
}

function nameOf(node: unknown): string {
  if (!isNode(node)) return '';
  if (node.type === 'MemberExpression') return node.computed === true ? '' : nameOf(node.property);
  return node.type === 'Identifier' ? String(node.name) : '';
}

export = { FUNCTIONS, findAsyncFunctions, visitChildren };
