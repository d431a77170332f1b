// Makes native/src/v8_bytecode_sizes.c from Node binaries: node native/tools/bytecode-sizes.mjs NODE...
// V8's own tables are local symbols from 13.x on, so a running sampler cannot find them; the binaries' .symtab has them.
import { closeSync, openSync, readSync } from 'node:fs';

const SIZES = '_ZN2v88internal11interpreter9Bytecodes14kBytecodeSizesE';
const VERSION = ['major', 'minor'].map((part) => `_ZN2v88internal7Version6${part}_E`);
const OPERANDS = '_ZZN2v88internal29TranslationOpcodeOperandCountENS0_17TranslationOpcodeEE6counts';
/** Below, translations differ, and we do not read them: no tier there needs it. */
const FIRST_TRANSLATIONS = 13;
const SYMBOL_BYTES = 24;
const SCALES = 3;

/** Contents of named symbols of an ELF64 little-endian file: Map from name to Buffer. */
function readSymbols(path, names) {
  const file = openSync(path, 'r');
  try {
    const read = (offset, length) => {
      const bytes = Buffer.alloc(length);
      readSync(file, bytes, 0, length, offset);
      return bytes;
    };
    const header = read(0, 64);
    const sectionAt = Number(header.readBigUInt64LE(40));
    const sectionBytes = header.readUInt16LE(58);
    const sections = Array.from({ length: header.readUInt16LE(60) }, (_, i) => {
      const section = read(sectionAt + i * sectionBytes, sectionBytes);
      const u64 = (at) => Number(section.readBigUInt64LE(at));
      return {
        type: section.readUInt32LE(4),
        address: u64(16),
        offset: u64(24),
        bytes: u64(32),
        link: section.readUInt32LE(40),
      };
    });
    const symtab = sections.find((section) => section.type === 2);
    if (symtab === undefined) throw new Error(`${path}: no .symtab (stripped?)`);
    const symbols = read(symtab.offset, symtab.bytes);
    const strings = read(sections[symtab.link].offset, sections[symtab.link].bytes);
    const found = new Map();
    for (let at = 0; at < symbols.length; at += SYMBOL_BYTES) {
      const nameAt = symbols.readUInt32LE(at);
      const name = strings.toString('latin1', nameAt, strings.indexOf(0, nameAt));
      if (!names.includes(name)) continue;
      const section = sections[symbols.readUInt16LE(at + 6)];
      const address = Number(symbols.readBigUInt64LE(at + 8));
      found.set(name, read(section.offset + address - section.address, Number(symbols.readBigUInt64LE(at + 16))));
    }
    return found;
  } finally {
    closeSync(file);
  }
}

/** Numbers as the lines of a C initializer. */
function initializer(numbers) {
  const lines = [];
  for (let i = 0; i < numbers.length; i += 34) lines.push(`  ${[...numbers.slice(i, i + 34)].join(', ')},`);
  return lines.join('\n');
}

function table(path) {
  const symbols = readSymbols(path, [SIZES, OPERANDS, ...VERSION]);
  const sizes = symbols.get(SIZES);
  if (sizes === undefined) throw new Error(`${path}: no ${SIZES}`);
  const [major, minor] = VERSION.map((name) => symbols.get(name)?.readInt32LE(0));
  const count = sizes.length / SCALES;
  const rows = Array.from({ length: SCALES }, (_, scale) => {
    const width = ['single', 'double', 'quadruple'][scale];
    return `  /* ${width} operands */\n${initializer(sizes.subarray(scale * count, (scale + 1) * count))}`;
  });
  const operands = symbols.get(OPERANDS);
  return {
    major,
    minor,
    count,
    translation: operands && Array.from({ length: operands.length / 4 }, (_, i) => operands.readInt32LE(4 * i)),
    text: `static const uint8_t sizes_${major}_${minor}[${SCALES} * ${count}] = {\n${rows.join('\n')}\n};\n`,
  };
}

const tables = process.argv.slice(2).map(table);
const translations = tables.filter(({ major }) => major >= FIRST_TRANSLATIONS).map(({ translation }) => translation);
const [operands] = translations;
if (operands === undefined || translations.some((each) => each?.join() !== operands.join())) {
  throw new Error('translations differ: v8_translation.c needs a table for each version');
}
process.stdout.write(`/* Sizes in bytes of V8's bytecodes without prefix, by width of their operands. Made by native/tools/bytecode-sizes.mjs from
 * Node's own binaries; test/native/js-bytecode-sizes.test.ts makes it anew and compares. Do not edit. */
#include "v8_internal.h"

${tables.map((each) => each.text).join('\n')}
static const struct {
  int major, minor;
  size_t count;
  const uint8_t *sizes;
} TABLES[] = {
${tables.map(({ major, minor, count }) => `  {${major}, ${minor}, ${count}, sizes_${major}_${minor}},`).join('\n')}
};

const uint8_t *mp_v8_bytecode_sizes(int major, int minor, size_t *count) {
  for (size_t i = 0; i < sizeof TABLES / sizeof TABLES[0]; i++) {
    if (TABLES[i].major != major || TABLES[i].minor != minor) continue;
    *count = TABLES[i].count;
    return TABLES[i].sizes;
  }
  return NULL;
}

/* Numbers of operands of the instructions of translations, the same in V8 13.6 and 14.6 (v8_translation.c). */
const uint8_t mp_v8_translation_operands[${operands.length}] = {
${initializer(operands)}
};
`);
