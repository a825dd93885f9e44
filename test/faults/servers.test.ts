/** `millrace up` keeps the servers that it started alive; a full disk is only a pause. */
import { readdirSync, readlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { connect } from 'nats';
import { setStage } from '../../tools/faults/stage.ts';
import { startCluster } from '../black-box/cluster.ts';
import { wireOver, type Wire } from '../black-box/wire.ts';
import { temporaryDirectory } from '../tools/temporary-directory.ts';

const deposit = { asset: 'KRW', amount: '1' };
const accounts = Array.from({ length: 20 }, (_, n) => `account/server-${n}`);

/** One deposit of this number to each account; the replies. */
const deposits = async (wire: Wire, number: number): Promise<string[]> =>
  Promise.all(
    accounts.map(async (account) => {
      const { text, reply } = await wire.insist(account, 'deposit', deposit, `d${number}`);
      expect(reply).toMatchObject({ ok: true, result: { available: `${number}` } });
      return text;
    }),
  );

/** The process of this program that runs in a folder. */
const pidIn = (folder: string, program: string): number | undefined =>
  readdirSync('/proc')
    .map(Number)
    .find((pid) => {
      try {
        const [cwd, exe] = [readlinkSync(`/proc/${pid}/cwd`), readlinkSync(`/proc/${pid}/exe`)];
        return cwd === folder && /^(redis|nats)/.test(basename(exe)) && exe.includes(program);
      } catch {
        return false;
      }
    });

test('Redis and NATS that are killed under load are started again, with the same data', async () => {
  const data = await temporaryDirectory();
  const cluster = await startCluster({ data });
  onTestFinished(() => cluster.stop());
  const wire = wireOver(await cluster.connect());
  const before = await deposits(wire, 1);
  for (const [program, number] of [
    ['redis', 2],
    ['nats', 3],
  ] as const) {
    const pid = pidIn(join(data, program), program);
    if (pid === undefined) throw new Error(`${program} does not run`);
    process.kill(pid, 'SIGKILL');
    await deposits(wire, number);
    expect(pidIn(join(data, program), program)).not.toBe(pid);
  }
  expect(await deposits(wire, 1)).toEqual(before);
}, 90_000);

// Only root may mount the small disk that is to be filled.
test.skipIf(process.getuid?.() !== 0)(
  'a disk that is full ends Redis; with room again all that was acknowledged is there',
  async () => {
    const data = await temporaryDirectory();
    const stage = await setStage({ data, partitions: 4, tell: () => {} });
    onTestFinished(() => stage.strike());
    const connection = await connect({ servers: stage.nats.url, maxReconnectAttempts: -1 });
    onTestFinished(() => connection.close());
    const wire = wireOver(connection);
    const before = await deposits(wire, 1);

    await stage.fillDisk();
    const asked = deposits(wire, 2);
    expect(await stage.redis.exited).not.toBe(0);
    await stage.freeDisk();
    await stage.startRedis();
    await asked;
    expect(await deposits(wire, 1)).toEqual(before);
  },
  90_000,
);
