/**
 * The name of a C++ function without what varies from build to build: no return type, template arguments, parameters or marks of clones.
 * `void* ns::Pool<int>::get(unsigned long) const [clone .cold]` is `ns::Pool::get`. Other names come back as they are.
 */
export function qualifiedName(demangled: string): string {
  if (!/[(<[{ ]/.test(demangled)) return withoutClone(demangled);
  const plain = PLAIN.exec(demangled)?.[0];
  if (plain !== undefined && !plain.endsWith('::') && !plain.includes('operator')) return plain;
  let name = '';
  for (let at = 0; at < demangled.length; at++) {
    const rest = operatorAt(demangled, at);
    if (rest !== undefined) return afterReturnType(name) + rest;
    const letter = demangled[at] ?? '';
    if (letter === '<') {
      at = closing(demangled, at, '<', '>');
    } else if (letter === '{') {
      const end = closing(demangled, at, '{', '}');
      name += `{${/^\{[ \w]*/.exec(demangled.slice(at, end))?.[0].slice(1).trim() ?? ''}}`;
      at = end;
    } else if (demangled.startsWith(ANONYMOUS, at)) {
      name += ANONYMOUS;
      at += ANONYMOUS.length - 1;
    } else if (letter === '(' || letter === '[') {
      break;
    } else {
      name += letter;
    }
  }
  return afterReturnType(name).trim() || demangled;
}

/** Most names: nothing to take out before the parameters. */
const PLAIN = /^[\w:~]+(?=\()/;
const ANONYMOUS = '(anonymous namespace)';
const OPERATOR = /operator *(?:\(\)|\[\]|<<=?|>>=?|<=>|->\*?|new(?:\[\])?|delete(?:\[\])?|[-+*/%^&|~!=<>,]+|[\w:]+)/y;

/** From `operator` on, if one is there: its name may have any of the signs that end another name. */
function operatorAt(demangled: string, at: number): string | undefined {
  if (demangled[at] !== 'o' || /\w/.test(demangled[at - 1] ?? '')) return undefined;
  OPERATOR.lastIndex = at;
  return OPERATOR.exec(demangled)?.[0];
}

/** Index of the bracket that closes the one at `at`, or the end. The arrow of `->` closes nothing. */
function closing(text: string, at: number, open: string, close: string): number {
  let depth = 0;
  for (let i = at; i < text.length; i++) {
    if (text[i] === open) depth++;
    else if (text[i] === close && text[i - 1] !== '-' && --depth === 0) return i;
  }
  return text.length;
}

/** Instances of templates are spelled with their return type. */
function afterReturnType(name: string): string {
  const bare = name.trimEnd().replaceAll(ANONYMOUS, '\0');
  return bare.slice(bare.lastIndexOf(' ') + 1).replaceAll('\0', ANONYMOUS);
}

/** `f.constprop.0` is `f`; a file name or a version keeps its dots. */
function withoutClone(name: string): string {
  return name.replace(/(?:\.(?:constprop|part|isra|cold|llvm|lto_priv)(?:\.\d+)*)+$/, '');
}
