/**
 * Every bound of a host, in one place. At a limit the caller gets `runtime/busy` before anything is
 * appended; what is internal (channels, caches) waits or is dropped and rebuilt instead.
 */
export interface Limits {
  /** A stream entry closes at this size: a script stops every other partition while it runs. */
  readonly groupBytesMax: number;
  /** Records of one partition that may wait for their append. */
  readonly stagedRecordsMax: number;
  readonly stagedBytesMax: number;
  /** How long a group may wait for the log's answer before no more is taken. */
  readonly appendMsMax: number;
  /** Commands of one partition whose reply is deferred. */
  readonly pendingMax: number;
  /** How long a caller waits for a deferred reply before it is told `runtime/pending`. */
  readonly replyWaitMs: number;
  /** Queries of one partition that wait for their fence check. */
  readonly readsMax: number;
  /** Requests that may wait while their actor is loaded, per partition. */
  readonly loadingMax: number;

  /** Repeats of one partition that may wait for their reply to be read from the log. */
  readonly searchesMax: number;
  /** The characters of one record; a decision that would make a longer one is quarantined. */
  readonly recordLengthMax: number;
  /** The bytes of one message, event or reply: what NATS carries, less room for an envelope. */
  readonly messageBytesMax: number;

  /** Messages of one channel that are not yet acknowledged, above which client commands get busy. */
  readonly channelMessagesMax: number;
  /** Messages of one partition that a checkpoint holds, so that its log need not be kept for them. */
  readonly savedMessagesBytesMax: number;
  /** What one delivery between partitions carries at most; a larger single message goes alone. */
  readonly deliveryBytesMax: number;
  readonly deliveryMessagesMax: number;

  /** Actors of one partition that stay in memory, and the heap they may take by `residentCost`. */
  readonly residentsMax: number;
  readonly residentBytesMax: number;
  /** Records after which a checkpoint is begun, and the tail at which admission says busy. */
  readonly checkpointRecords: number;
  readonly tailRecordsMax: number;
  /** A partition that changed is checkpointed at least this often. */
  readonly checkpointMs: number;
  /** Fewer records will do if the last checkpoint was so long ago: tails are short where there is time. */
  readonly checkpointRecordsMin: number;
  readonly checkpointPauseMs: number;
  /** By `residentCost`: of an actor that a checkpoint builds once more to compare it with its log. */
  readonly auditedBytesMax: number;

  /** How long a command id is remembered, and how many ids of one partition. */
  readonly windowMs: number;
  readonly idsMax: number;
  /** The text of one partition's log, above which what nobody needs goes to the archive. */
  readonly retainBytesMax: number;
  /** What may leave a log and has not yet: above it the archive cannot keep up, and clients get busy. */
  readonly untrimmedBytesMax: number;
  /** A reply stays in the log at least for so long, to be repeated byte for byte. */
  readonly replyWindowMs: number;
  /** Replies of one partition that are kept in memory beside the log. */
  readonly recentRepliesMax: number;
  readonly recentBytesMax: number;
  /** How far ahead of ours the clock inside a UUIDv7 may be, up to half of the window. */
  readonly idAheadMs: number;

  /** Distinct commands and messages on which an actor may fail within so long; one more halts it. */
  readonly strikesMax: number;
  readonly strikeWindowMs: number;
  /** Actors of one partition whose strikes are counted; beyond, the oldest strikes are forgotten. */
  readonly strickenActorsMax: number;
  /** Messages of one partition that are set aside, above which their channels wait. */
  readonly parkedMessagesMax: number;
  readonly parkedBytesMax: number;
  /** Commands of one partition that an operator can still retry. */
  readonly deadLettersMax: number;
  /** Times in a row that a partition is built again when it went wrong, each so soon after the last. */
  readonly restartsMax: number;
  readonly restartWindowMs: number;
  /** Of an error, in a record or a dead letter. */
  readonly errorLengthMax: number;

  /** Deadlines of one partition, above which client commands that set one get busy. */
  readonly timersMax: number;
  /** How many of those that have come are handled at a time, several times a second. */
  readonly timersAtOnce: number;
  /** The same while clients are told busy: overload may last, and what a deadline ends must not. */
  readonly timersAtOnceBusy: number;
  /** After so long a deadline on which its actor failed comes again. */
  readonly deadlineRetryMs: number;

  /** How far a host may be behind what NATS has sent it before it refuses requests unread. */
  readonly lagMsMax: number;

  readonly leaseMs: number;
  readonly clockSkewMsMax: number;
  /** Partitions that one host recovers at a time. */
  readonly recoveriesMax: number;
  /** Requests of one partition that may wait while it changes hands, or while its renewal is late. */
  readonly waitingMax: number;
  readonly waitingBytesMax: number;
  /** Forwards under way from one host, and the bytes of their payloads. */
  readonly forwardsMax: number;
  readonly forwardsBytesMax: number;
  /** Forwards of other hosts that are remembered, for as long as they may be sent again. */
  readonly forwardsRememberedMax: number;
}

/** What a host may use in all its partitions together. */
export interface HostBytes {
  /** The text of all logs; default 1 GiB. */
  readonly retainBytes?: number | undefined;
  /** The heap of all actors in memory; default 1 GiB, a quarter of what V8 takes of a large machine. */
  readonly residentBytes?: number | undefined;
}

const mebibyte = 1024 * 1024;
const gibibyte = 1024 * mebibyte;
const bareCost = 768;

/**
 * The heap that an actor takes whose state is so long as JSON: measured with accounts, 0.8 KB for one
 * that holds an asset, 2 KB with an order, 42 KB with a hundred closed ones. What is large is put too
 * high, by up to 1.6 times.
 */
export const residentCost = (stateLength: number): number => bareCost + 2 * stateLength;

/** What a host uses unless told otherwise, for P partitions and so many bytes of them all. */
export function defaultLimits(partitions: number, bytes: HostBytes = {}): Limits {
  const { retainBytes = gibibyte, residentBytes = gibibyte } = bytes;
  // A table slot takes 16 bytes and every other one stays free: 512 MiB hold 16 million ids, which
  // is 15 minutes at 18,000 commands a second. A faster host says busy rather than forget an id.
  const idsOfHost = 16_000_000;
  // As a rule all tails of a host together are read in half a second, at the 300,000 records a second
  // that the design asks for (98,000 and 182,000 were measured beside other load). Where checkpoints
  // cannot keep up they may grow to ten times that before commands are told busy.
  const checkpointRecords = Math.min(10_000, Math.max(2_000, Math.floor(160_000 / partitions)));
  const retainBytesMax = Math.floor(retainBytes / partitions);
  const share = ({ of, least, most }: { of: number; least: number; most: number }): number =>
    Math.max(least, Math.min(most, Math.floor(of / partitions)));
  return {
    groupBytesMax: 256 * 1024,
    // Of all partitions together: when the log stops, none may fill the host's memory.
    stagedRecordsMax: share({ of: 320_000, least: 1_000, most: 20_000 }),
    stagedBytesMax: share({ of: 256 * mebibyte, least: mebibyte, most: 16 * mebibyte }),
    appendMsMax: 1_000,
    // With its message each takes some 1.3 KB, and a symbol that answers nobody holds them all.
    pendingMax: share({ of: 320_000, least: 1_000, most: 20_000 }),
    replyWaitMs: 5_000,
    readsMax: 20_000,
    loadingMax: 20_000,
    searchesMax: 20_000,
    recordLengthMax: 4 * 1024 * 1024,
    messageBytesMax: 960 * 1024,
    channelMessagesMax: 20_000,
    savedMessagesBytesMax: 4 * mebibyte,
    deliveryBytesMax: 512 * 1024,
    deliveryMessagesMax: 1_000,
    residentsMax: Math.max(64, Math.floor(residentBytes / partitions / bareCost)),
    residentBytesMax: Math.floor(residentBytes / partitions),
    checkpointRecords,
    tailRecordsMax: 10 * checkpointRecords,
    checkpointMs: 30_000,
    checkpointRecordsMin: Math.floor(checkpointRecords / 4),
    checkpointPauseMs: 8_000,
    // A state of 4 MiB (a book of 60,000 orders) is built and hashed in 50 ms.
    auditedBytesMax: 8 * mebibyte,
    windowMs: 15 * 60_000,
    idsMax: Math.floor(idsOfHost / partitions),
    retainBytesMax,
    // A consumer group may hold twice the log, and one slice of the archive is 4 MiB.
    untrimmedBytesMax: Math.max(3 * retainBytesMax, 16 * 1024 * 1024),
    replyWindowMs: 60_000,
    recentRepliesMax: Math.max(1_000, Math.floor(64_000 / partitions)),
    recentBytesMax: Math.floor((128 * 1024 * 1024) / partitions),
    idAheadMs: 60_000,
    strikesMax: 5,
    strikeWindowMs: 10 * 60_000,
    strickenActorsMax: 10_000,
    parkedMessagesMax: 10_000,
    parkedBytesMax: 4 * 1024 * 1024,
    deadLettersMax: Math.max(64, Math.floor(16_000 / partitions)),
    restartsMax: 5,
    restartWindowMs: 10 * 60_000,
    errorLengthMax: 2_000,
    // Each takes some 200 bytes, and its line in every checkpoint.
    timersMax: share({ of: 1_000_000, least: 1_000, most: 50_000 }),
    timersAtOnce: 500,
    timersAtOnceBusy: 20,
    deadlineRetryMs: 60_000,
    lagMsMax: 2_000,
    leaseMs: 3_000,
    clockSkewMsMax: 500,
    recoveriesMax: 8,
    // When the store of leases stops, those of all partitions wait, and are let in at once after it.
    waitingMax: share({ of: 160_000, least: 500, most: 20_000 }),
    waitingBytesMax: share({ of: 256 * mebibyte, least: 2 * mebibyte, most: 16 * mebibyte }),
    forwardsMax: 10_000,
    forwardsBytesMax: 64 * mebibyte,
    // At least ten seconds of 20,000 a second; each takes some 100 bytes.
    forwardsRememberedMax: 400_000,
  };
}

/** What the limits allow, for the operator: one line. */
export function describeLimits(limits: Limits, partitions: number): string {
  const whole = (n: number): string => n.toLocaleString('en-US');
  return (
    `limits: command ids are remembered for ${Number((limits.windowMs / 60_000).toFixed(2))} minutes (at most ` +
    `${whole(limits.idsMax * partitions)} of all partitions), ${whole(limits.residentsMax)} actors ` +
    `in ${whole(limits.residentBytesMax)} bytes of memory and ${whole(limits.stagedRecordsMax)} records under way in each of ${partitions} partitions, ` +
    `${whole(limits.channelMessagesMax)} messages in each channel, tails of ` +
    `${whole(limits.tailRecordsMax)} records, leases of ${limits.leaseMs / 1_000} s, logs of ` +
    `${whole(limits.retainBytesMax * partitions)} bytes in all and replies of the last ` +
    `${limits.replyWindowMs / 1_000} s in them`
  );
}
