import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { cleanEnvironment, memprof, scratch } from './run-cli.ts';

/** Each stands for something that belongs to the program alone. None is a word that anything else would print. */
const CANARIES = {
  argument: 'canaryargument7919',
  'environment value': 'canaryenvironment7919',
  'environment name': 'CANARYNAME7919',
  'file content': 'canaryfile7919',
  'string on the V8 heap': 'canaryheap7919',
  'buffer content': 'canarybuffer7919',
  'source text': 'canarysource7919',
  output: 'canaryoutput7919',
};

test('nothing of the program but names, sizes and times is in any output', async () => {
  const cwd = scratch();
  writeFileSync(join(cwd, 'data.txt'), CANARIES['file content'].repeat(5003));
  writeFileSync(
    join(cwd, 'program.js'),
    `// ${CANARIES['source text']}
     const kept = [];
     function load() {
       kept.push(require('fs').readFileSync('data.txt'), require('fs').readFileSync('data.txt', 'utf8'));
       kept.push(Buffer.from('canary' + 'buffer7919'.repeat(1000003)), ('canary' + 'heap7919').repeat(10007).split('c'));
       kept.push(process.argv.slice(2).join().repeat(1009), JSON.stringify(process.env).repeat(101));
     }
     load();
     console.log('canary' + 'output7919');
     globalThis.kept = kept;
     setTimeout(() => 0, 1500);`,
  );
  const env = { ...cleanEnvironment(), [CANARIES['environment name']]: CANARIES['environment value'] };
  const args = ['run', '-o', 'out', '--snapshot-every', '1', '--', process.execPath, 'program.js', CANARIES.argument];
  const { status, stdout, stderr } = await memprof(args, { cwd, env });
  expect({ status, stdout }).toEqual({ status: 0, stdout: `${CANARIES.output}\n` });

  const outputs: Record<string, string> = { stderr };
  for (const name of readdirSync(join(cwd, 'out'))) {
    const bytes = readFileSync(join(cwd, 'out', name));
    outputs[name] = (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('latin1');
  }
  expect(Object.keys(outputs).length).toBeGreaterThanOrEqual(6);
  for (const [name, text] of Object.entries(outputs)) {
    for (const [what, canary] of Object.entries(CANARIES))
      expect(text.includes(canary), `${what} in ${name}`).toBe(false);
  }
  // The names that are promised are there: the search above can find things.
  expect(outputs['summary.json']).toContain('load');
  expect(outputs['summary.json']).toContain('program.js');
});
