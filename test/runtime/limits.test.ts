import { expect, test } from 'vitest';
import { defaultLimits, describeLimits } from '../../runtime/limits.ts';

test('the line for the operator tells what holds', () => {
  const limits = {
    ...defaultLimits(16),
    windowMs: 7 * 60_000,
    idsMax: 1_000,
    residentsMax: 1_234,
    residentBytesMax: 1_300_000,
    stagedRecordsMax: 5_678,
    channelMessagesMax: 910,
    tailRecordsMax: 11_121,
    leaseMs: 4_500,
    retainBytesMax: 1_000_000,
    replyWindowMs: 90_000,
  };
  expect(describeLimits(limits, 16)).toBe(
    'limits: command ids are remembered for 7 minutes (at most 16,000 of all partitions), ' +
      '1,234 actors in 1,300,000 bytes of memory and 5,678 records under way in each of 16 partitions, ' +
      '910 messages in each channel, tails of 11,121 records, leases of 4.5 s, ' +
      'logs of 16,000,000 bytes in all and replies of the last 90 s in them',
  );
});

test.each([1, 64, 1_024])(
  'by default a host of %d partitions holds no more than another',
  (partitions) => {
    const limits = defaultLimits(partitions);
    const one = defaultLimits(1);
    expect(limits.idsMax * partitions).toBeLessThanOrEqual(one.idsMax);
    expect(limits.retainBytesMax * partitions).toBeLessThanOrEqual(one.retainBytesMax);
    expect(limits.recentBytesMax * partitions).toBeLessThanOrEqual(one.recentBytesMax);
    expect(limits.residentBytesMax * partitions).toBeLessThanOrEqual(one.residentBytesMax);
    expect(limits.checkpointRecords).toBeLessThan(limits.tailRecordsMax);
    expect(limits.pendingMax * partitions).toBeLessThanOrEqual(1_024_000);
    expect(limits.waitingMax * partitions).toBeLessThanOrEqual(512_000);
    expect(limits.checkpointRecords).toBeLessThanOrEqual(one.checkpointRecords);
    expect(limits.messageBytesMax).toBeLessThan(limits.recordLengthMax);
  },
);
