import { expect } from 'vitest';
import type { LogRecord } from '../../contracts/record.ts';
import { placedIn, type SentCommand } from '../../tools/checkers/evidence.ts';
import { violationsOf } from '../../tools/checkers/violations.ts';
import type { Rig } from './rig.ts';

/** What is true of the logs of a rig's partitions at rest, whatever has happened to their owners. */
export async function expectSoundLogs(
  rig: Rig,
  commands: readonly SentCommand[] = [],
): Promise<LogRecord[]> {
  const logs = await Promise.all(
    Array.from({ length: rig.partitions }, async (_, partition) => ({
      partition,
      entries: await rig.entries(partition),
    })),
  );
  const published = rig.published.map(({ id }) => id);
  expect(violationsOf({ types: rig.types, logs, commands, published })).toEqual([]);
  return logs.flatMap(placedIn).map(({ record }) => record);
}
