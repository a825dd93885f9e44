import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { Rig } from '../runtime/rig.ts';

/**
 * What a command costs from its parsed request to its reply, on the memory store, as a multiple of
 * a floor that no engine can avoid: reading the command, hashing it, writing its record and reply.
 * Processor time, not seconds, and the best of many interleaved rounds, so that other load does not
 * count; while it seems too dear there are more of them, for a busy machine spoils caches too.
 *
 * 3.54 and 3.55 on Node 24 when last measured, 3.85 beside other load. Raise it only with the reason in the commit.
 */
const costOnRecord = 3.6;
const dearerMax = 1.25;

const commands = 2_000;
const rounds = 40;
const roundsMax = 400;

test(`a command costs at most ${dearerMax} times what it cost when last measured`, async () => {
  const rig = new Rig({ partitions: 1 });
  await rig.start(0);
  let least = Number.POSITIVE_INFINITY;
  let floorLeast = Number.POSITIVE_INFINITY;
  const isDear = (): boolean => least / floorLeast >= costOnRecord * dearerMax;
  for (let round = 0; round < rounds || (isDear() && round < roundsMax); round++) {
    floorLeast = Math.min(floorLeast, await cpuOf(async () => floor()));
    least = Math.min(least, await cpuOf(() => putCoins(rig, round)));
  }
  const cost = least / floorLeast;
  console.log(`cost of a command: ${cost.toFixed(2)} floors; on record: ${costOnRecord}`);
  expect(cost).toBeLessThan(costOnRecord * dearerMax);
}, 60_000);

async function putCoins(rig: Rig, round: number): Promise<void> {
  const replies: Promise<unknown>[] = [];
  for (let n = 0; n < commands; n++) {
    const actor = rig.purse(`p${n % 100}`);
    replies.push(rig.command(actor, 'put', { coins: 5 }, `round-${round}-${n}`));
    if (n % 100 === 99) await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(replies);
}

function floor(): void {
  let written = 0;
  for (let n = 0; n < commands; n++) {
    const request = `{"name":"put","coins":5,"id":"round-0-${n}"}`;
    const { coins, id } = JSON.parse(request) as { coins: number; id: string };
    const hash = createHash('sha256').update(request).digest('base64url');
    const reply = { ok: true, result: { coins } };
    const record = { time: n, actor: 'purse/p1', version: n, id, hash, events: [{ coins }], reply };
    written += JSON.stringify(record).length + JSON.stringify(reply).length;
  }
  expect(written).toBeGreaterThan(0);
}

async function cpuOf(work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}
