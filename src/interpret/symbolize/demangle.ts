import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import * as bindings from 'gecko-profiler-demangle/index_bg.js';

let isReady = false;

/** The package's own entry point imports its .wasm file, which Node does not do without a flag. */
function load(): void {
  const path = createRequire(import.meta.url).resolve('gecko-profiler-demangle/index_bg.wasm');
  const instance = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(path)), {
    './index_bg.js': bindings,
  });
  bindings.__wbg_set_wasm(instance.exports);
  instance.exports.__wbindgen_start();
  isReady = true;
}

/** The readable name of a C++ (Itanium) or Rust (legacy, v0) symbol; any other name comes back as it is. */
export function demangle(name: string): string {
  const initializer = /^_GLOBAL__sub_[ID]_(.+)$/.exec(name)?.[1];
  if (initializer !== undefined) return `global constructors of ${demangle(initializer)}`;
  const [base = name, suffix] = splitSuffix(name);
  if (!/^(_Z|_R|__Z)/.test(base)) return name;
  if (!isReady) load();
  const readable = bindings.demangle_any(base);
  // What it cannot read comes back with or without the underscore.
  if (readable === base || readable === base.slice(1)) return name;
  return suffix === '' ? readable : `${readable} [${suffix}]`;
}

/** Compilers add parts to the names of clones: `_Z1fv.cold`, `_Z1fi.constprop.0`. Rust's `.llvm.123` says nothing to people. */
function splitSuffix(name: string): [base: string, suffix: string] {
  const at = name.indexOf('.');
  if (at <= 0) return [name, ''];
  const suffix = name.slice(at + 1).replace(/\.?llvm\.\d+$/, '');
  return [name.slice(0, at), suffix];
}

const SHORT_ENOUGH = 120;

/**
 * A demangled name for display. Up to 120 characters it is left alone. Beyond that, the innermost template arguments become `<...>`
 * first, then those around them, until it is short enough or none are left; then parameters become `(...)`.
 */
export function shortenName(name: string): string {
  let short = name;
  while (short.length > SHORT_ENOUGH) {
    const next = short.replace(/(?<!operator)<(?!\.\.\.>)[^<>()]*(?:\(\.\.\.\)[^<>()]*)*>/g, '<...>');
    const simpler = next === short ? collapse(short) : next;
    if (simpler === short) break;
    short = simpler;
  }
  return short;
}

/** Takes one more level away where no plain template argument list is left. */
function collapse(name: string): string {
  const nested = name.replace(/<[^<>]*<\.\.\.>[^<>]*>/g, '<...>');
  return nested === name ? name.replace(/\((?!\.\.\.\)|anonymous|lambda)[^()]+\)/g, '(...)') : nested;
}
