/**
 * The keys of Redis. `{mr:<n>}` is a hash tag: everything of one partition lies in one slot of a
 * Redis Cluster, so that a script may touch it all.
 */
export const keys = {
  /** Stream: the partition's log, the only truth. */
  log: (partition: number): string => `{mr:${partition}}:log`,
  /** Hash: epoch, nonce, host, until, group, top, token, published, checkpoint, lost. */
  owner: (partition: number): string => `{mr:${partition}}:owner`,
  /** Hash: epoch → the first position that it may write. */
  epochs: (partition: number): string => `{mr:${partition}}:epochs`,
  /** Hash: actor key → its latest snapshot. */
  snapshots: (partition: number): string => `{mr:${partition}}:snapshots`,
  /** What the keys of the chunks of large snapshots begin with. */
  chunksUnder: (partition: number): string => `{mr:${partition}}:chunks:`,
  /** Hash: the chunks of one large snapshot. */
  chunks: (partition: number, actor: string, version: number): string =>
    `{mr:${partition}}:chunks:${actor}:${version}`,
  /** List: the two latest checkpoints, newest first. */
  checkpoints: (partition: number): string => `{mr:${partition}}:checkpoints`,
  /** Hash: segment name → sealed command ids, 16 bytes each. */
  segments: (partition: number): string => `{mr:${partition}}:segments`,
  /** Stream: the latest commands and messages on which an actor failed, under their records' ids. */
  deadLetters: (partition: number): string => `{mr:${partition}}:dead-letters`,
  /** Hash: what a cluster is created with and never changes: id, partitions, scales. */
  cluster: 'mr:cluster',
  /** Sorted set: host name → the Redis time in ms until which its heartbeat holds. */
  hosts: 'mr:hosts',
  /** String with expiry: who reads a partition for a consumer group. */
  reader: (group: string, partition: number): string => `{mr:${partition}}:reader:${group}`,
  /** Sorted set: consumer → the Redis time in ms until which its heartbeat holds. */
  readers: (group: string): string => `mr:readers:${group}`,
} as const;
