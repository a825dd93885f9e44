import { expect } from 'vitest';
import type { LogRecord } from '../../contracts/record.ts';
import type { Rig } from './rig.ts';

/** What is true of the logs of a rig's partitions, whatever has happened to their owners. */
export async function expectSoundLogs(rig: Rig): Promise<LogRecord[]> {
  const partitions = Array.from({ length: rig.partitions }, (_, partition) => partition);
  const logs = await Promise.all(partitions.map((partition) => rig.records(partition)));
  for (const log of logs) {
    expect(log.map(({ position }) => position)).toEqual(log.map((_, index) => index + 1));
    const times = log.map(({ record }) => record.time);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  }
  const records = logs.map((log) => log.map(({ record }) => record));
  expectEachIdOnce(records.flat());
  expectChannelsInOrder(rig, records);
  return records.flat();
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
function expectChannelsInOrder(rig: Rig, logs: readonly (readonly LogRecord[])[]): void {
  logs.forEach((log, to) => {
    logs.forEach((sending, from) => {
      const applied = log.flatMap((record) =>
        record.from?.partition === from ? [record.from.n] : [],
      );
      expect(applied).toEqual(applied.map((_, index) => index + 1));
      const sent = sending.flatMap((record) => record.out ?? []);
      const numbers = sent.filter((message) => rig.home(message.to) === to).map(({ n }) => n);
      expect(applied).toEqual(numbers);
    });
  });
}
