/**
 * --async-labels: async functions as generators, which async-steps.cts takes through their awaits, so that what runs after an await has a
 * function of ours on its stack again:
 *
 *     async function answer(request) { const tokens = await encode(request); ... }
 *
 *           function answer($0){return $().start(this,{*answer(request) { const tokens = (yield (encode(request))); ... }}.answer,arguments)}
 *
 * Lines stay lines. What a generator would do differently stays async: async-functions.cts. As with every compiler to older JavaScript, such a
 * function is none of V8's AsyncFunctions any more, and stack traces do not go on beyond an await.
 */
import type { Node } from 'acorn';

import functionFile = require('./async-functions.cjs');

interface AnyNode extends Node {
  readonly [field: string]: unknown;
}

/** `[where in the original text, units taken away, units put in]`, ascending. */
type Edit = readonly [at: number, removed: number, added: number];

type AsyncFunction = NonNullable<ReturnType<ReturnType<typeof functionFile.findAsyncFunctions>['get']>>;

interface Lowered {
  readonly text: string;
  readonly edits: readonly Edit[];
}

/** The global property by which lowered code finds async-steps.cts. */
const KEY = 'memprof.async';

const PARSER_OPTIONS = { ecmaVersion: 'latest', allowHashBang: true, preserveParens: true } as const;

/** Undefined: the text stays as it is, because there is nothing to do or because it cannot be parsed. */
function lowerAsync(source: string, sourceType: 'module' | 'script'): Lowered | undefined {
  if (!/\basync\b/.test(source)) return undefined;
  const acorn: typeof import('acorn') = require('acorn');
  const options = { ...PARSER_OPTIONS, sourceType, allowReturnOutsideFunction: sourceType === 'script' };
  try {
    const program = acorn.parse(source, options) as unknown as AnyNode;
    const lowered = rewrite(program, source);
    // What we may have overlooked must not reach the program.
    if (lowered !== undefined) acorn.parse(lowered.text, options);
    return lowered;
  } catch (cause) {
    // RangeError: nested too deep for the stack.
    if (cause instanceof SyntaxError || cause instanceof RangeError) return undefined;
    throw cause;
  }
}

function rewrite(program: AnyNode, source: string): Lowered | undefined {
  const functions = functionFile.findAsyncFunctions(program, source);
  if (functions.size === 0) return undefined;
  const $ = freeName(source);
  const pieces: { at: number; removed: number; text: string }[] = [];
  let loops = 0;
  let statementAt = -1;

  const put = (at: number, text: string, removed = 0): void => {
    pieces.push({ at, removed, text });
  };

  /** @param isLowered whether the function around the node is. */
  function visit(node: AnyNode, isLowered: boolean): void {
    const fn = functions.get(node);
    const inside = isLowered && !functionFile.FUNCTIONS.has(node.type);
    if (node.type === 'ExpressionStatement') statementAt = node.start;
    if (fn !== undefined) lowerFunction(fn);
    else if (inside && node.type === 'AwaitExpression') lowerAwait(node);
    else if (inside && node.type === 'ForOfStatement' && node.await === true) lowerLoop(node);
    else visitAll(node, inside);
  }

  function visitAll(node: AnyNode, isLowered: boolean): void {
    functionFile.visitChildren(node, (child) => visit(child, isLowered));
  }

  /** A parenthesis at the begin of a statement would call what a line before it, without a semicolon, ends with. */
  function lowerAwait(node: AnyNode): void {
    put(node.start, `${node.start === statementAt ? 'void 0,' : ''}(yield (`, 'await'.length);
    visitAll(node, true);
    put(node.end, '))');
  }

  /** The parameters become the generator's, whose defaults and patterns may throw; stand-ins keep the function's `length`. */
  function lowerFunction({ node, name, asyncAt, isArrow, usesThis, arity }: AsyncFunction): void {
    put(asyncAt, ' '.repeat('async'.length), 'async'.length);
    const body = node.body as AnyNode;
    const params = node.params as AnyNode[];
    const key = name === '' ? '""' : name;
    const given = Array.from({ length: arity }, (_, i) => `${$}${i}`);
    const start = `${$}().start(${isArrow && !usesThis ? 'void 0' : 'this'},{*${key}`;
    const end = `}${name === '' ? '[""]' : `.${name}`},`;
    if (!isArrow) {
      put(source.indexOf('(', node.id ? (node.id as AnyNode).end : node.start), `(${given}){return ${start}`);
      visitParts(params);
      visitAll(body, true);
      put(body.end, `${end}arguments)}`);
      return;
    }
    given.push(`...${$}n`);
    const list = /\S/.exec(source.slice(asyncAt + 'async'.length))?.index ?? 0;
    const headAt = asyncAt + 'async'.length + list;
    const isBare = source[headAt] !== '(';
    put(headAt, `(${given})=>${start}${isBare ? '(' : ''}`);
    visitParts(params);
    put(source.lastIndexOf('=>', body.start), isBare ? ')' : '', '=>'.length);
    const isBlock = body.type === 'BlockStatement';
    if (!isBlock) put(body.start, '{return (');
    visit(body, true);
    put(body.end, `${isBlock ? '' : ')}'}${end}[${given}])`);
  }

  /** Awaits are not allowed in parameters, but functions with awaits are. */
  function visitParts(nodes: readonly AnyNode[]): void {
    for (const node of nodes) visit(node, false);
  }

  /**
   *     for await (LEFT of RIGHT) BODY
   *
   *     {const it=$().each();try{for(const step of it.over(RIGHT)){if(it.take(yield step))break;LEFT=it.value;BODY}}catch(e){throw it.fail(e)}finally{...}}
   */
  function lowerLoop(node: AnyNode): void {
    const [left, right, body] = [node.left, node.right, node.body] as [AnyNode, AnyNode, AnyNode];
    const it = `${$}it${loops}`;
    const step = `${$}step${loops++}`;
    const target = source.slice(left.start, left.end);
    const head = source.slice(node.start, left.start);
    put(node.start, `{const ${it}=${$}().each();try{for(${newlines(head)}`, head.length);
    put(left.start, `const ${step}${newlines(target)}`, target.length);
    put(right.start, `${it}.over(`);
    visit(right, true);
    put(right.end, ')');
    const assigned = left.type === 'VariableDeclaration' ? `${target}=${it}.value` : `(${target}=${it}.value)`;
    put(body.start, `{if(${it}.take(yield ${step}))break;${assigned.replace(/\s+/g, ' ')};`);
    visit(body, true);
    put(body.end, `}}catch(e){throw ${it}.fail(e)}finally{if(${it}.isOpen())yield ${it}.close()}}`);
  }

  // A function is there before the module runs: others that import it in a circle may call its functions.
  put(afterDirectives(program), `function ${$}(){return ${$}.it??=globalThis[Symbol.for("${KEY}")]}`);
  visit(program, false);
  return apply(source, pieces);
}

/** Directives must be first. */
function afterDirectives(program: AnyNode): number {
  const first = (program.body as AnyNode[]).find((statement) => typeof statement.directive !== 'string');
  return first?.start ?? program.end;
}

const newlines = (text: string): string => '\n'.repeat(text.split(/\r\n|[\n\r\u2028\u2029]/).length - 1);

/** A name that does not occur in the text. */
function freeName(source: string): string {
  let name = '$memprof';
  while (source.includes(name)) name += '_';
  return name;
}

function apply(source: string, pieces: { at: number; removed: number; text: string }[]): Lowered {
  // Stable: what was put in first at one place comes first.
  pieces.sort((a, b) => a.at - b.at);
  const edits: Edit[] = [];
  let text = '';
  let done = 0;
  for (const { at, removed, text: added } of pieces) {
    text += source.slice(done, at) + added;
    done = Math.max(done, at + removed);
    edits.push([at, removed, added.length]);
  }
  return { text: text + source.slice(done), edits };
}

export = { KEY, lowerAsync };
