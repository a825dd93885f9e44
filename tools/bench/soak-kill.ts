/** Kills a host in the middle of the load and measures how long its partitions are missed. */
import { setTimeout as pause } from 'node:timers/promises';
import { headers, type NatsConnection } from 'nats';
import type { Bus } from '../../runtime/bus.ts';
import { systemClock, systemRandom } from '../../runtime/system-clock.ts';
import { readHosts } from '../hosts.ts';
import type { SoakRecovery } from './results.ts';
import { accountsByPartition } from './workloads.ts';

export interface KillOptions {
  readonly connection: NatsConnection;
  readonly bus: Bus;
  readonly partitions: number;
  readonly pid: number;
}

const askMs = 250;
/** What was asked before may still be answered: a host that has just come back answers late at first. */
const patienceMs = 5_000;
const refusedPauseMs = 20;

/** Kills a host with -9; resolves when a command in every partition is durable and answered. */
export async function killAndWait(
  options: KillOptions,
): Promise<Omit<SoakRecovery, 'seconds' | 'failed'>> {
  const { connection, bus, partitions, pid } = options;
  const homes = accountsByPartition(partitions * 20, partitions);
  const killed = performance.now();
  process.kill(pid, 'SIGKILL');
  await Promise.all(homes.map(([account = '']) => untilAnswered(connection, account, killed)));
  const ms = performance.now() - killed;
  const reports = await readHosts({ bus, clock: systemClock, random: systemRandom() }, askMs);
  const recovered = reports.flatMap((report) => report.partitions);
  const records = recovered.map(({ recoveredRecords }) => recoveredRecords);
  return {
    ms,
    records: records.reduce((sum, one) => sum + one, 0),
    recordsMost: Math.max(0, ...records),
    replayMsMost: Math.max(0, ...recovered.map(({ recoveredMs }) => recoveredMs)),
  };
}

/** One deposit, sent with the same id until one of its sendings is answered: done, and durable. */
async function untilAnswered(
  connection: NatsConnection,
  account: string,
  killed: number,
): Promise<void> {
  const carried = headers();
  carried.set('Nats-Msg-Id', `kill-${account}-${killed}`);
  const subject = `millrace.cmd.account.${account}.deposit`;
  const ask = async (): Promise<boolean> => {
    const reply = await connection
      .request(subject, '{"asset":"USD","amount":"1.00"}', {
        timeout: patienceMs,
        headers: carried,
      })
      .catch(() => undefined);
    return reply?.string().startsWith('{"ok":true') === true;
  };
  const done = new AbortController();
  while (!done.signal.aborted) {
    const asked = ask().then((answered) => answered && done.abort());
    await Promise.race([asked.then(() => pause(refusedPauseMs)), pause(askMs)]);
  }
}
