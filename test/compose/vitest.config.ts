import { defineConfig } from 'vitest/config';

/** Needs a Docker engine, so it is not part of `npm test`: see run.ts. */
export default defineConfig({
  test: {
    pool: 'forks',
    include: ['test/compose/*.test.ts'],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 300_000,
  },
});
