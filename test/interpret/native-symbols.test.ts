import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { createMapLines } from '../../src/interpret/map-lines.ts';
import { indexModules } from '../../src/interpret/modules.ts';
import { demangle, shortenName } from '../../src/interpret/symbolize/demangle.ts';
import { openElf } from '../../src/interpret/symbolize/elf.ts';
import { createNativeSymbolizer } from '../../src/interpret/symbolize/native.ts';
import { findSymbols } from '../../src/interpret/symbolize/symbol-table.ts';
import { createTables } from '../../src/interpret/tables.ts';
import { CHUNK } from '../../src/recording/chunks.ts';
import { recordProcess, type TestModule } from '../helpers/recording-builder.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';

const root = temporaryDirectory('elf');
const nodes = fileURLToPath(new URL('../../fixtures/nodes/node_modules', import.meta.url));

const SOURCE = `
#include <vector>
#include <map>
#include <string>
namespace kv { template <typename T> struct Cache {
  std::map<std::string, std::vector<T>> rows;
  __attribute__((noinline)) void append(const std::string &key, T value) { rows[key].push_back(value); }
}; }
static __attribute__((noinline)) int hidden(int x) { asm volatile(""); return x + 1; }
extern "C" __attribute__((noinline)) int plain(int x) { asm volatile(""); return hidden(x) * 2; }
int main(int argc, char **) { kv::Cache<double> cache; cache.append("a", argc); return plain(argc) == 0; }
`;

function compile(name: string, ...flags: string[]): string {
  const source = join(root, 'program.cc');
  const output = join(root, name);
  writeFileSync(source, SOURCE);
  execFileSync('c++', ['-O1', '-Wl,--build-id=sha1', ...flags, '-o', output, source]);
  return output;
}

/** What nm says: functions with their addresses and sizes. */
function nm(path: string): { name: string; address: number; size: number }[] {
  const text = execFileSync('nm', ['-S', '--defined-only', path], { encoding: 'utf8', maxBuffer: 1 << 28 });
  return [...text.matchAll(/^([0-9a-f]+) ([0-9a-f]+) [tTwW] (.+)$/gm)].map((match) => ({
    address: Number.parseInt(match[1] ?? '', 16),
    size: Number.parseInt(match[2] ?? '', 16),
    name: match[3] ?? '',
  }));
}

const program = compile('program');

test('every function of a program is found at its first, middle and last byte, as nm lists them', () => {
  const elf = openElf(program);
  const functions = nm(program);
  expect(functions.length).toBeGreaterThan(7);
  const names = new Map<number, Set<string>>();
  for (const { address, size, name } of functions) {
    for (const at of [address, address + (size >> 1), address + size - 1]) {
      names.set(at, (names.get(at) ?? new Set()).add(name));
    }
  }
  const asked = [...names.keys()].sort((a, b) => a - b);
  const found = elf && findSymbols(elf, asked);
  elf?.close();
  for (const at of asked) expect([...(names.get(at) ?? [])]).toContain(found?.get(at)?.name);
});

test('the build id is the one that readelf shows', () => {
  const shown = /Build ID: ([0-9a-f]+)/.exec(execFileSync('readelf', ['-n', program], { encoding: 'utf8' }))?.[1];
  const elf = openElf(program);
  elf?.close();
  expect(elf?.buildId).toBe(shown);
  expect(shown).toHaveLength(40);
});

test('a stripped library names what it exports, and nothing else', () => {
  const library = compile('stripped.so', '-shared', '-fPIC', '-s');
  const whole = compile('whole.so', '-shared', '-fPIC');
  const address = (name: RegExp): number => nm(whole).find((fn) => name.test(fn.name))?.address ?? -1;
  const exported = address(/^plain$/);
  const hidden = address(/hidden/);
  const elf = openElf(library);
  const found =
    elf &&
    findSymbols(
      elf,
      [exported, hidden].sort((a, b) => a - b),
    );
  elf?.close();
  expect(found?.get(exported)).toEqual({ name: 'plain', section: 'dynsym' });
  expect(found?.has(hidden)).toBe(false);
});

test("V8's builtins by name in every node of the matrix", () => {
  for (const version of [20, 22, 24, 26]) {
    const path = join(nodes, `node-${version}/bin/node`);
    expect(existsSync(path), `${path}: npm ci in fixtures/nodes`).toBe(true);
    const elf = openElf(path);
    const wanted = nm(path).filter((fn) =>
      /^Builtins_(JSEntryTrampoline|InterpreterEntryTrampoline|ArrayMap)$/.test(fn.name),
    );
    expect(wanted).toHaveLength(3);
    const found =
      elf &&
      findSymbols(
        elf,
        wanted.map((fn) => fn.address + 1).sort((a, b) => a - b),
      );
    elf?.close();
    for (const fn of wanted) expect(found?.get(fn.address + 1)).toEqual({ name: fn.name, section: 'symtab' });
  }
});

function tablesWith(modules: readonly TestModule[]) {
  const recorder = recordProcess(1);
  for (const module of modules) recorder.module(module);
  recorder.flush();
  const bytes = recorder.bytes();
  const tables = createTables();
  for (let at = 16; at < bytes.length; ) {
    const length = bytes.readUInt32LE(at + 8);
    const payload = bytes.subarray(at + 16, at + 16 + length);
    if (bytes.readUInt32LE(at) === CHUNK.region) {
      tables.append(payload.readUInt32LE(0), Number(payload.readBigUInt64LE(8)), payload.subarray(16));
    }
    at += 16 + length + (-length & 7);
  }
  return { recorder, modules: indexModules(tables) };
}

test('addresses go through module, generation and bias; another build id is not used', () => {
  const append = nm(program).find((fn) => /Cache.*append/.test(fn.name)) ?? { address: 0, name: '' };
  const elf = openElf(program);
  elf?.close();
  const module = { start: 0x55_0000_0000n, end: 0x55_0010_0000n, bias: 0x55_0000_0000n };
  const { recorder, modules } = tablesWith([
    { ...module, path: '/gone/before.so', buildId: 'aa', firstGeneration: 0 },
    { ...module, path: program, buildId: elf?.buildId ?? '', firstGeneration: 1 },
  ]);
  const address = module.bias + BigInt(append.address) + 4n;
  const [now, before] = [recorder.native(address, 1), recorder.native(address, 0)];
  const result = createNativeSymbolizer()([now, before], modules, createMapLines());
  const byWord = new Map(result.native.map((entry) => [entry[0], entry]));
  expect(byWord.get(now.toString(16))).toMatchObject({ 2: append.name, 4: append.address + 4 });
  expect(byWord.get(now.toString(16))?.[3]).toMatch(/^kv::Cache<double>::append\(.*, double\)$/);
  expect(byWord.get(before.toString(16))?.[2]).toBe('');
  const wrong = tablesWith([{ ...module, path: program, buildId: 'deadbeef' }]);
  expect(createNativeSymbolizer()([now], wrong.modules, createMapLines()).modules[0]?.symbols).toBe('none');
});

test('code that is mapped a second time is found through the maps of the process', () => {
  const plain = nm(program).find((fn) => fn.name === 'plain')?.address ?? 0;
  const elf = openElf(program);
  const segment = elf?.segments.find((s) => s.virtualAddress <= plain && plain < s.virtualAddress + s.memoryBytes);
  elf?.close();
  const offset = plain - (segment?.virtualAddress ?? 0) + (segment?.fileOffset ?? 0);
  const { recorder, modules } = tablesWith([]);
  const mapLines = createMapLines();
  const page = offset & ~4095;
  mapLines.add(`7f0000000000-7f0000100000 r-xp ${page.toString(16).padStart(8, '0')} 08:01 17   ${program}`);
  const word = recorder.v8Code(0x7f00_0000_0000n + BigInt(offset - page) + 1n);
  expect(createNativeSymbolizer()([word], modules, mapLines).native[0]).toMatchObject({ 2: 'plain', 4: plain + 1 });
});

test('files that are no ELF files, are not there or would block', () => {
  execFileSync('mkfifo', [join(root, 'pipe')]);
  writeFileSync(join(root, 'text'), 'hello');
  writeFileSync(join(root, 'head'), Buffer.concat([Buffer.from('7f454c460201', 'hex'), Buffer.alloc(80, 0xff)]));
  for (const name of ['pipe', 'text', 'head', 'absent', '.']) {
    const elf = openElf(join(root, name));
    elf?.close();
    expect(elf?.symbolSections ?? []).toEqual([]);
  }
});

test.each([
  ['_ZN2v88internal15MemoryAllocator12AllocatePageEv', 'v8::internal::MemoryAllocator::AllocatePage()'],
  ['_ZNSt6vectorIiSaIiEE9push_backEOi', 'std::vector<int, std::allocator<int> >::push_back(int&&)'],
  ['_ZN3std2io4Read11read_to_end17hb85a0f6802e14499E', 'std::io::Read::read_to_end'],
  ['_RNvNtCs1234_7mycrate3foo3bar', 'mycrate::foo::bar'],
  ['_Z4coldv.cold', 'cold() [cold]'],
  ['_ZN3foo3barE.llvm.1234567', 'foo::bar'],
  ['_GLOBAL__sub_I__ZN4node5thingE', 'global constructors of node::thing'],
  ['malloc', 'malloc'],
  ['_ZN', '_ZN'],
  ['', ''],
])('%s reads as %s', (name, readable) => expect(demangle(name)).toBe(readable));

test('long names lose their template arguments from the inside, short ones nothing', () => {
  expect(shortenName('std::vector<int, std::allocator<int> >::push_back(int&&)')).toMatch(/allocator<int>/);
  const map =
    'std::map<std::string, std::vector<double, std::allocator<double> >, std::less<std::string>, std::allocator<int> >';
  const short = shortenName(`ns::Outer<${map}>::operator<(${map} const&)`);
  expect(short.length).toBeLessThanOrEqual(130);
  expect(short).toMatch(/^ns::Outer<.*>::operator<\(/);
  expect(shortenName('x'.repeat(500))).toBe('x'.repeat(500));
});
