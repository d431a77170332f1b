/** A place in a text, both from 1. */
export interface TextPosition {
  readonly line: number;
  readonly column: number;
}

/** JSON that remembers where everything stood. */
export interface JsonSource {
  readonly value: unknown;
  /** Of a key (of its value with `isValue`), or of the innermost part of the path that is there. */
  positionOf(path: readonly PropertyKey[], isValue?: boolean): TextPosition;
  /** Objects that have a key twice. The last one counts, as in JSON.parse. */
  readonly duplicates: readonly { readonly key: string; readonly position: TextPosition }[];
}

/** What is wrong with a text that is no JSON, and where. */
export class JsonSyntaxError extends Error {
  constructor(
    message: string,
    readonly position: TextPosition,
  ) {
    super(message);
  }
}

/** Where a value stands and what is in it. */
interface Node {
  readonly value: unknown;
  readonly at: number;
  readonly members: ReadonlyMap<string, { readonly keyAt: number; readonly node: Node }>;
}

/** Deeper than any configuration, and far from the end of the stack. */
const MAX_DEPTH = 200;
const NONE: Node['members'] = new Map();
const SCALAR = /"(?:[^"\\\p{Cc}]|\\.)*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/uy;
const SPACE = /[ \t\r\n]*/y;

/**
 * JSON.parse with places: its own messages name none that are the same on all versions of Node.
 * @throws JsonSyntaxError.
 */
export function parseJsonSource(text: string): JsonSource {
  const duplicates: { key: string; position: TextPosition }[] = [];
  let at = 0;

  const positionAt = (offset: number): TextPosition => {
    const before = text.slice(0, offset);
    return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') };
  };

  function fail(message: string, where = at): never {
    throw new JsonSyntaxError(where >= text.length ? 'the file ends too early' : message, positionAt(where));
  }

  function skipSpace(): void {
    SPACE.lastIndex = at;
    at += SPACE.exec(text)?.[0].length ?? 0;
  }

  /** True if `sign` is next, which is then behind. */
  function takes(sign: string): boolean {
    skipSpace();
    if (text[at] !== sign) return false;
    at++;
    return true;
  }

  function scalar(expected: string): unknown {
    SCALAR.lastIndex = at;
    const found = SCALAR.exec(text)?.[0];
    if (found === undefined)
      fail(
        `expected ${expected}, found ${text[at] === '"' ? 'a text that does not end or has a control character' : (JSON.stringify(text[at]) ?? '')}`,
      );
    try {
      const value: unknown = JSON.parse(found);
      at += found.length;
      return value;
    } catch {
      return fail('the text has an escape that JSON does not know');
    }
  }

  function parseValue(depth: number): Node {
    skipSpace();
    const start = at;
    if (depth > MAX_DEPTH) fail(`deeper than ${MAX_DEPTH} levels`);
    if (takes('{')) return { ...object(depth), at: start };
    if (takes('[')) return { ...array(depth), at: start };
    return { value: scalar('a value'), at: start, members: NONE };
  }

  function object(depth: number): Omit<Node, 'at'> {
    const members = new Map<string, { keyAt: number; node: Node }>();
    if (!takes('}')) {
      do {
        skipSpace();
        const keyAt = at;
        if (text[at] !== '"') fail(text[at] === '}' ? 'a comma before }' : 'expected a key in double quotes');
        const key = scalar('a key') as string;
        if (!takes(':')) fail('expected : after the key');
        if (members.has(key)) duplicates.push({ key, position: positionAt(keyAt) });
        members.set(key, { keyAt, node: parseValue(depth + 1) });
      } while (takes(','));
      if (!takes('}')) fail('expected , or }');
    }
    const entries = [...members].map(([key, { node }]) => [key, node.value] as const);
    return { value: Object.fromEntries(entries), members };
  }

  function array(depth: number): Omit<Node, 'at'> {
    const members = new Map<string, { keyAt: number; node: Node }>();
    if (!takes(']')) {
      do {
        skipSpace();
        if (text[at] === ']') fail('a comma before ]');
        const node = parseValue(depth + 1);
        members.set(String(members.size), { keyAt: node.at, node });
      } while (takes(','));
      if (!takes(']')) fail('expected , or ]');
    }
    return { value: [...members.values()].map(({ node }) => node.value), members };
  }

  const root = parseValue(0);
  skipSpace();
  if (at < text.length) fail('text after the end of the JSON');

  return {
    value: root.value,
    duplicates,
    positionOf(path, isValue = false) {
      let node = root;
      let place = root.at;
      for (const key of path) {
        const member = node.members.get(String(key));
        if (member === undefined) break;
        place = isValue ? member.node.at : member.keyAt;
        node = member.node;
      }
      return positionAt(place);
    },
  };
}
