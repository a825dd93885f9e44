import { placedIn, type Evidence } from './evidence.ts';
import { wrongDeliveries } from './deliveries.ts';
import { wrongKeptCommands } from './kept-commands.ts';
import { brokenChannels, brokenOrder, brokenRetries, repeatedIds, unanswered } from './logs.ts';
import { wrongPublication } from './publication.ts';
import { Reads } from './reads.ts';
import { replay } from './replay.ts';
import { wrongReplies } from './replies.ts';
import { Snapshots } from './snapshots.ts';
import { wrongReversals } from './reversals.ts';
import { wrongTimers } from './timers.ts';

/**
 * Everything that is wrong with a run that has come to rest, or of which partitions are halted: a
 * sentence each, none if the guarantees hold. Each check is also there by itself, in the files of this folder.
 */
export function violationsOf(evidence: Evidence): string[] {
  const { logs, commands, published, types, snapshots = [], told = [], writtenAt } = evidence;
  const ended = (evidence.halted ?? []).length === 0;
  const placed = logs.map(placedIn);
  const records = placed.flat();
  const stored = new Snapshots(snapshots);
  const reads = new Reads(told, types, writtenAt);
  return [
    ...logs.flatMap(brokenOrder),
    ...repeatedIds(records),
    ...(ended ? unanswered(records) : []),
    ...placed.flatMap(brokenRetries),
    ...brokenChannels(placed, { drained: ended }),
    ...wrongReplies(records, commands),
    ...(evidence.keptCommands === true ? wrongKeptCommands(records) : []),
    ...replay(evidence, [stored.observe, reads.observe]).violations,
    ...placed.flatMap(wrongTimers),
    ...wrongReversals(records),
    ...stored.wrong,
    ...reads.wrong,
    ...wrongDeliveries(placed, evidence.groups ?? []),
    ...(published ? wrongPublication(placed, published, evidence) : []),
  ];
}
