import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { NATIVE, NODE_LINES, nodeBinary } from './helpers/js-probe.ts';

test("the tables of bytecode sizes and translation operands are those in the .symtab of Node's binaries", () => {
  const made = execFileSync(
    process.execPath,
    [join(NATIVE, 'tools/bytecode-sizes.mjs'), ...NODE_LINES.map(nodeBinary)],
    {
      encoding: 'utf8',
    },
  );
  expect(made).toBe(readFileSync(join(NATIVE, 'src/v8_bytecode_sizes.c'), 'utf8'));
  expect(made.match(/static const uint8_t sizes_/g)).toHaveLength(NODE_LINES.length);
});
