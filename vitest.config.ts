import { defineConfig } from 'vitest/config';

/** These measure how long something takes, or need the whole machine: one at a time, at the end. */
const timed = [
  'test/black-box/{kill,load,planned-change,service,take-over}.test.ts',
  'test/faults/**/*.test.ts',
  'test/tools/up.test.ts',
];
/** These start whole clusters, but mostly wait for them. */
const clusters = ['test/black-box/**/*.test.ts'];
/** Needs a Docker engine: `npm run test:compose`. */
const apart = ['test/compose/**'];

/**
 * Those that run a second time on a NATS that maps no subjects: every kind of request once. All of the
 * suite does with `MILLRACE_TEST_UNMAPPED=1 npm test -- test/black-box`.
 */
const alsoUnmapped = [
  'accounts',
  'batches',
  'events',
  'matching',
  'order-lifetimes',
  'order-replaces',
  'orders',
  'requests',
  'symbols',
].map((name) => `test/black-box/${name}.test.ts`);

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
          exclude: [...clusters, ...timed, ...apart],
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'clusters',
          include: clusters,
          exclude: timed,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'unmapped',
          include: alsoUnmapped,
          env: { MILLRACE_TEST_UNMAPPED: '1' },
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'timed',
          include: timed,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
