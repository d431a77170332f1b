import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/helpers/global-setup.ts'],
    reporters: ['default', './test/helpers/count-reporter.ts'],
    // A slow machine is no failure.
    testTimeout: 180_000,
    hookTimeout: 120_000,
    // Two cores: more workers would only make the measured programs slower.
    maxWorkers: 2,
  },
});
