import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LogRecord } from '../../contracts/record.ts';
import type { Fate } from './rig.ts';
import { Rig } from './rig.ts';

/**
 * Random commands between purses in four partitions, under crashes, unknown fates, late groups,
 * checkpoints and evictions; then everything heals and settles, and the claims below are checked.
 */
const names = ['ann', 'bob', 'cyd', 'dan', 'eve'] as const;

type Step =
  | { readonly kind: 'put'; readonly who: string; readonly coins: number; readonly id: number }
  | {
      readonly kind: 'give' | 'send';
      readonly who: string;
      readonly to: string;
      readonly coins: number;
      readonly id: number;
    }
  | { readonly kind: 'crash'; readonly partition: number }
  | { readonly kind: 'late' }
  | { readonly kind: 'settle'; readonly rounds: number };

const name = fc.constantFrom(...names);
const id = fc.integer({ min: 1, max: 60 });
const coins = fc.integer({ min: 1, max: 9 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('put' as const), who: name, coins, id }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom('give' as const, 'send' as const),
      who: name,
      to: name,
      coins,
      id,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('crash' as const), partition: fc.nat(3) }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'late' as const }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('settle' as const),
      rounds: fc.integer({ min: 1, max: 8 }),
    }),
  },
);
const fate: fc.Arbitrary<Fate> = fc.oneof(
  { weight: 6, arbitrary: fc.constant('good' as const) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('lost' as const, 'unanswered' as const, 'late' as const),
  },
);

/**
 * Histories that once went wrong. `evicted-and-back`: an actor left memory and came back while a
 * checkpoint was being taken, which then forgot that the new instance had changed.
 */
const examples = ['evicted-and-back'].map((name) => readCase(name) as [Step[], Fate[]]);

describe('under crashes, unknown fates and late groups', () => {
  it('every acknowledged command is applied once, every coin is conserved, repeats are byte-same', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 60, maxLength: 160 }),
        fc.array(fate, { minLength: 1, maxLength: 40 }),
        check,
      ),
      { numRuns: Number(process.env['FAULT_RUNS'] ?? 100), examples },
    );
  }, 60_000);
});

function readCase(name: string): unknown {
  return JSON.parse(readFileSync(join(import.meta.dirname, 'cases', `${name}.json`), 'utf8'));
}

async function check(steps: readonly Step[], fates: readonly Fate[]): Promise<void> {
  let appends = 0;
  let faulty = true;
  const rig = new Rig({
    limits: { residentsMax: 2, checkpointRecords: 5, recentRepliesMax: 3 },
    fate: () => (faulty ? (fates[appends++ % fates.length] ?? 'good') : 'good'),
  });
  await rig.startAll();
  const replies = new Map<string, string>();
  const commands = new Map<string, () => Promise<{ text: string; code: string | undefined }>>();
  for (const who of names) await rig.within(rig.command(rig.purse(who), 'put', { coins: 100 }));
  for (const step of steps) await perform(rig, step, { replies, commands });

  faulty = false;
  for (let partition = 0; partition < rig.partitions; partition++) {
    if (!rig.open.has(partition)) await rig.start(partition);
  }
  await drain(rig);
  expect(rig.halted).toEqual([]);

  for (const [key, ask] of commands) {
    const again = await rig.within(ask());
    expect(again).toBeDefined();
    if (replies.has(key)) expect(again?.text).toBe(replies.get(key));
  }
  await drain(rig);
  const partitions = Array.from({ length: rig.partitions }, (_, partition) => partition);
  const logs = await Promise.all(partitions.map((partition) => rig.records(partition)));
  for (const log of logs) {
    expect(log.map(({ position }) => position)).toEqual(log.map((_, index) => index + 1));
  }
  const records = logs.flat().map(({ record }) => record);
  expectEachIdOnce(records);
  expectChannelsInOrder(logs.map((log) => log.map(({ record }) => record)));
  const balances = await Promise.all(
    names.map(
      async (who) => (await rig.within(rig.read(rig.purse(who), 'coins'))) as { coins: number },
    ),
  );
  const put = records
    .flatMap(({ events = [] }) => events)
    .reduce((sum, event) => sum + (event.type === 'put' ? (event['coins'] as number) : 0), 0);
  expect(balances.reduce((sum, { coins: owned }) => sum + owned, 0)).toBe(put);
  for (const { coins: owned } of balances) expect(owned).toBeGreaterThanOrEqual(0);
}

interface Known {
  readonly replies: Map<string, string>;
  readonly commands: Map<string, () => Promise<{ text: string; code: string | undefined }>>;
}

async function perform(rig: Rig, step: Step, { replies, commands }: Known): Promise<void> {
  switch (step.kind) {
    case 'put':
    case 'give':
    case 'send': {
      const key = `${step.who} ${step.id}`;
      const actor = rig.purse(step.who);
      const body = step.kind === 'put' ? { coins: step.coins } : { coins: step.coins, to: step.to };
      const known = commands.get(key);
      const ask = known ?? (() => rig.command(actor, step.kind, body, `id-${step.id}`));
      commands.set(key, ask);
      void ask().then(({ text, code }) => {
        if (code === 'runtime/pending' || code === 'runtime/busy') return;
        const first = replies.get(key);
        if (first === undefined) replies.set(key, text);
        else expect(text).toBe(first);
      });
      return;
    }
    case 'crash':
      rig.crash(step.partition);
      await rig.start(step.partition);
      return;
    case 'late':
      for (const group of rig.late.splice(0)) await rig.store.log.append(group);
      return;
    case 'settle':
      await rig.settle(step.rounds);
      for (const partition of rig.open.values()) partition.tick();
      return;
  }
}

/** Until nothing moves any more: no record is staged and the logs have stopped growing. */
async function drain(rig: Rig): Promise<void> {
  const tops = (): number =>
    [...rig.open.values()].reduce((sum, { status }) => sum + status.position + status.lag, 0);
  for (let before = -1; before !== tops();) {
    before = tops();
    await rig.settle(100);
  }
}

function expectEachIdOnce(records: readonly LogRecord[]): void {
  const seen = new Set<string>();
  for (const record of records) {
    if (record.id === undefined) continue;
    const key = `${record.actor} ${record.id}`;
    expect(seen.has(key)).toBe(false);
    seen.add(key);
  }
}

/** What each partition applied of each other's messages is what that one sent, in order, without a gap. */
function expectChannelsInOrder(logs: readonly (readonly LogRecord[])[]): void {
  logs.forEach((log, to) => {
    for (let from = 0; from < 4; from++) {
      const applied = log.flatMap((record) =>
        record.from?.partition === from ? [record.from.n] : [],
      );
      expect(applied).toEqual(applied.map((_, index) => index + 1));
      const sent = (logs[from] ?? []).flatMap((record) => record.out ?? []);
      const numbers = sent.filter((message) => home(message.to) === to).map((message) => message.n);
      expect(applied).toEqual(numbers);
    }
  });
}

const rigForHomes = new Rig();
const home = (actor: LogRecord['actor']): number => rigForHomes.home(actor);
