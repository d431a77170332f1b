#!/usr/bin/env node
/**
 * What it costs that the current arena follows a program through its awaits, on each Node of fixtures/nodes, beside no carrier and beside an
 * AsyncLocalStorage of the program's own, in CPU time. All sides run under the native sampler.
 *
 *     node bench/carriers.mjs [--rounds 7] [--nodes 20,22,24,26] [--calls 300000] [--requests 4000] [--json FILE]
 *
 * run: entering and leaving an arena around an empty function. await: an await of an async function inside an arena. read: what a sample asks
 * for, called from JavaScript (the call itself is in all sides). requests: about 100 us of hashing with four awaits each, so that
 * there are 10,000 switches of the arena a second.
 */
import { join } from 'node:path';
import { fixtureNode, output, ROOT } from './lib/process.mjs';
import { comparison, startReport } from './lib/report.mjs';
import { interleave } from './lib/rounds.mjs';
import { SAMPLER, withSampler } from './lib/run-directory.mjs';

const { options, section, finish } = startReport('carriers', {
  rounds: '7',
  nodes: '20,22,24,26',
  calls: '300000',
  requests: '4000',
});

const TARGET = join(import.meta.dirname, 'carriers/target.cjs');
/** Node 22 has three: by what the program does, and by a flag. */
const SETTINGS = {
  20: [{}],
  22: [
    {},
    { title: ', with an AsyncLocalStorage', flags: ['--storage'] },
    { title: ', --experimental-async-context-frame', nodeFlags: ['--experimental-async-context-frame'] },
  ],
};
const METRICS = {
  run: { title: 'run(noop)', unit: 'ns', added: true },
  await: { title: 'await', unit: 'ns', added: true },
  read: { title: 'read', unit: 'ns', added: true },
  requests: { title: 'requests', unit: 'ms', target: '1.02' },
};

function measure(node, mode, { flags = [], nodeFlags = [] }) {
  const counts = [options.calls, options.requests];
  const command = [node, ...nodeFlags, TARGET, join(ROOT, 'dist/agent'), SAMPLER, mode, ...counts, ...flags];
  return withSampler({ v8: false }, (env) => JSON.parse(output(command, env)));
}

for (const major of options.nodes.split(',')) {
  const node = fixtureNode(major);
  for (const setting of SETTINGS[major] ?? [{}]) {
    const sides = Object.fromEntries(
      ['none', 'carrier', 'storage'].map((mode) => [mode, () => measure(node, mode, setting)]),
    );
    const results = await interleave(sides, { rounds: Number(options.rounds) });
    const { source } = results.carrier[0];
    for (const [metric, { title, unit, added, target }] of Object.entries(METRICS)) {
      const values = Object.fromEntries(
        Object.entries(results).map(([side, all]) => [side, all.map((result) => result[metric])]),
      );
      section(
        comparison({
          id: `${metric}-${major}-${source}`,
          title: `${title}, Node ${major}${setting.title ?? ''}: ${source}`,
          unit,
          digits: 1,
          values,
          added,
          ...(target && { targets: { carrier: target } }),
        }),
      );
    }
  }
}
finish();
