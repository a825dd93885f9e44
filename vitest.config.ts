import { defineConfig } from 'vitest/config';

/** These start whole clusters: one at a time, after the others, or two cores measure only each other. */
const clusters = [
  'test/black-box/**/*.test.ts',
  'test/faults/**/*.test.ts',
  'test/tools/up.test.ts',
];

export default defineConfig({
  test: {
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 60_000,
    teardownTimeout: 15_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'parts',
          include: ['test/**/*.test.ts'],
          exclude: [...clusters, 'test/compose/**'],
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'clusters',
          include: clusters,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
