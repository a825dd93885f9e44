/** What must hold of a log by itself, and how it is told if it does not. */
import { expect, test } from 'vitest';
import { actorKey } from '../../contracts/ids.ts';
import type { LogRecord } from '../../contracts/record.ts';
import { Invariants } from '../../tools/verify/invariants.ts';

const alice = actorKey('account', 'alice');
const id = '01a1fc9e-bda2-70ca-bb33-07bb3247f0c4';

/** What is told of these records, which stand one after another unless said otherwise. */
function told(...records: readonly (Partial<LogRecord> & { position?: number; epoch?: number })[]) {
  const invariants = new Invariants();
  return records.flatMap(({ position: stands, epoch = 1, ...record }, index) => {
    const position = stands ?? index + 1;
    const whole: LogRecord = { time: 100, actor: alice, version: position, ...record };
    const at = `3:${epoch}-${position}`;
    return invariants.observe({ partition: 3, position, epoch, at, entry: at, record: whole });
  });
}

test('nothing is told of records in order', () => {
  expect(
    told({ id, hash: 'h', pending: '' }, { answers: [{ id, reply: { ok: true, result: {} } }] }),
  ).toEqual([]);
});

test.each([
  ['a gap', [{}, { position: 3 }], '3:1-3 follows position 1'],
  ['an epoch that goes back', [{ epoch: 2 }, { epoch: 1 }], '3:1-2 follows epoch 2'],
  ['a time that goes back', [{}, { time: 99 }], '3:1-2: its time 99 follows 100'],
  [
    'a UUIDv7 that is used again',
    [
      { id, hash: 'h' },
      { id, hash: 'h' },
    ],
    `3:1-2 (account/alice): the id ${id} was recorded before`,
  ],
  [
    'an answer to what does not wait',
    [{ answers: [{ id, reply: { ok: true, result: {} } }] }],
    `3:1-1 (account/alice): answers ${id}, which does not wait`,
  ],
  [
    'a deadline that was not set',
    [{ timer: { name: 'holds', at: 50 } }],
    '3:1-1 (account/alice): the deadline "holds" of 50 was not set',
  ],
  [
    'an order that lost a part',
    [
      {
        events: [
          {
            type: 'order-traded',
            ordStatus: 'PartiallyFilled',
            clOrdId: 'c',
            orderQty: '3',
            cumQty: '1',
            leavesQty: '1',
          },
        ],
      },
    ],
    '3:1-1: order c of 3 has 1 filled and 1 open',
  ],
] as const)('%s is told', (_, records, sentence) => {
  expect(told(...records)).toEqual([sentence]);
});
