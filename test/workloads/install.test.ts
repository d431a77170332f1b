import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FIXTURES, run, scratch } from './workloads.ts';

/** A copy of the fixtures without packages, and an `npm` that is a shell script. */
function fixturesWithNpm(script: string) {
  const root = scratch();
  for (const file of ['install.mjs', ...packageFiles('workloads'), ...packageFiles('nodes')]) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    cpSync(join(FIXTURES, file), join(root, file));
  }
  const bin = join(root, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'npm'), `#!/bin/sh\n${script}\n`);
  chmodSync(join(bin, 'npm'), 0o755);
  const install = async (name: string, path = `${bin}:/usr/bin:/bin`) =>
    await run(process.execPath, [join(root, 'install.mjs'), name], { PATH: path });
  return { root, bin, install };
}

const packageFiles = (name: string) => ['package.json', 'package-lock.json', '.npmrc'].map((file) => `${name}/${file}`);

const WORKING_NPM =
  'mkdir node_modules && cp package-lock.json node_modules/which-lock && echo run >> "$(dirname "$0")/log"';

describe.skipIf(process.platform !== 'linux' || process.arch !== 'x64')('fixtures/install.mjs', () => {
  it('installs what is missing, once', async () => {
    const { root, bin, install } = fixturesWithNpm(WORKING_NPM);
    const first = await install('workloads');
    expect(first.status).toBe(0);
    expect(first.stderr).toMatch(
      /^fixtures\/workloads: installing .*\.\.\.\nfixtures\/workloads: installed in \d+ s\n$/,
    );
    const second = await install('workloads');
    expect(second).toMatchObject({ status: 0, stdout: '', stderr: '' });
    expect(readFileSync(join(bin, 'log'), 'utf8')).toBe('run\n');
    expect(readdirSync(join(root, 'workloads')).sort()).toEqual([
      '.npmrc',
      'node_modules',
      'package-lock.json',
      'package.json',
    ]);
  });

  it('installs anew when the lockfile changed', async () => {
    const { root, install } = fixturesWithNpm(WORKING_NPM);
    await install('nodes');
    writeFileSync(join(root, 'nodes/package-lock.json'), '{"changed": true}');
    expect((await install('nodes')).status).toBe(0);
    expect(readFileSync(join(root, 'nodes/node_modules/which-lock'), 'utf8')).toBe('{"changed": true}');
  });

  it('survives two at once', async () => {
    const { root, install } = fixturesWithNpm(`sleep 0.3; ${WORKING_NPM}`);
    const outcomes = await Promise.all([install('workloads'), install('workloads')]);
    expect(outcomes.map((outcome) => outcome.status)).toEqual([0, 0]);
    expect(readdirSync(join(root, 'workloads')).sort()).toEqual([
      '.npmrc',
      'node_modules',
      'package-lock.json',
      'package.json',
    ]);
  });

  it('says what to try when npm fails, and leaves nothing half done', async () => {
    const { root, install } = fixturesWithNpm('mkdir node_modules; echo "npm error code ENOTFOUND" >&2; exit 7');
    const { status, stderr } = await install('workloads');
    expect(status).toBe(1);
    expect(stderr).toContain('npm error code ENOTFOUND');
    expect(stderr).toMatch(
      /cannot install fixtures\/workloads \(npm ended with 7\): .*network.*Then: node fixtures\/install\.mjs workloads\n$/,
    );
    expect(existsSync(join(root, 'workloads/node_modules'))).toBe(false);
    expect(readdirSync(join(root, 'workloads')).sort()).toEqual(['.npmrc', 'package-lock.json', 'package.json']);
  });

  it('says when there is no npm', async () => {
    const { install } = fixturesWithNpm('exit 0');
    const { status, stderr } = await install('workloads', '/nonexistent');
    expect(status).toBe(1);
    expect(stderr).toContain('npm is not in PATH');
  });

  it('names what it can install', async () => {
    const { install } = fixturesWithNpm('exit 0');
    expect(await install('everything')).toMatchObject({
      status: 1,
      stderr: 'no fixtures "everything": choose from workloads, nodes, node-arm64\n',
    });
  });
});
