import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** These measure how long something takes, or need the whole machine: one at a time, at the end. */
const timed = [
  'test/black-box/{load,planned-change,take-over}.test.ts',
  'test/faults/{overload,processes,redis,replicas}.test.ts',
];
/** These start whole clusters, but mostly wait for them: three keep two cores at work. */
const clusters = [
  'test/black-box/**/*.test.ts',
  'test/faults/{backup,health,servers}.test.ts',
  'test/tools/up.test.ts',
];
/** Begun first, so that none of them is left to run alone at the end; the longest first. */
const long = [
  'test/sim/simulator',
  'test/examples/package',
  'test/runtime/succession',
  'test/runtime/faults.property',
  'test/tools/dead-letters',
  'test/tools/tail',
  'test/black-box/time-travel',
  'test/black-box/transfers',
  'test/black-box/kill',
  'test/tools/up',
  'test/black-box/start',
  'test/black-box/tracing',
  'test/faults/health',
  'test/black-box/service',
  'test/black-box/holds',
];
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

class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number =>
      long.findIndex((name) => moduleId.endsWith(`/${name}.test.ts`)) + 1 || long.length + 1;
    return (await super.sort(files)).toSorted((one, other) => place(one) - place(other));
  }
}

export default defineConfig({
  test: {
    pool: 'forks',
    sequence: { sequencer: LongFirst },
    // Hundreds of processes are started from our sources: each file is compiled once for them all.
    env: { NODE_COMPILE_CACHE: join(import.meta.dirname, '.millrace', 'compiled') },
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
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'unmapped',
          include: alsoUnmapped,
          env: { MILLRACE_TEST_UNMAPPED: '1' },
          maxWorkers: 3,
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
