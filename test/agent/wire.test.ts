import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { CONTROL, HEADER, WIRE_VERSION } from '../../src/recording/wire.ts';
import { PRELOAD } from './run-agent.ts';

test('the agent has the same offsets as the contract', () => {
  const load = createRequire(import.meta.url);
  const control = load(join(dirname(PRELOAD), 'control.cjs')) as {
    CONTROL: Record<string, number>;
    WIRE_VERSION: number;
  };
  const store = load(join(dirname(PRELOAD), 'store.cjs')) as { FROZEN_AT_NS: number };
  expect(CONTROL).toMatchObject(control.CONTROL);
  expect(Object.keys(control.CONTROL).length).toBeGreaterThan(5);
  expect(control.WIRE_VERSION).toBe(WIRE_VERSION);
  expect(store.FROZEN_AT_NS).toBe(HEADER.frozenAtNs);
});
