import { defaultLimits, type Limits } from '../../runtime/limits.ts';
import type { Dice } from './dice.ts';

/** So little fits in memory and in the log that a short run meets every bound. */
export function tightLimits(dice: Dice, partitions: number): Limits {
  const often = <T>(usual: T, tight: T): T => (dice.chance(0.5) ? tight : usual);
  const limits = defaultLimits(partitions);
  return {
    ...limits,
    residentsMax: often(64, 2),
    checkpointRecords: often(200, dice.whole(3, 40)),
    recentRepliesMax: often(limits.recentRepliesMax, 3),
    retainBytesMax: often(limits.retainBytesMax, 4_000),
    replyWindowMs: often(limits.replyWindowMs, 500),
    deliveryMessagesMax: often(limits.deliveryMessagesMax, 2),
    groupBytesMax: often(limits.groupBytesMax, 1_500),
    timersAtOnce: often(limits.timersAtOnce, 1),
    channelMessagesMax: often(limits.channelMessagesMax, 3),
    checkpointMs: often(limits.checkpointMs, 2_000),
    windowMs: limits.windowMs,
    strikesMax: often(limits.strikesMax, 1),
  };
}
