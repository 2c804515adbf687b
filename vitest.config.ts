import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    exclude: ['node_modules', '.runtime', 'data', 'dist'],
    globalSetup: ['test/support/global-setup.ts'],
    pool: 'forks',
    // More than two cores have: most of the time goes by in waiting for machines and processes.
    maxWorkers: 3,
    testTimeout: 30_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 15_000 } },
  },
});
