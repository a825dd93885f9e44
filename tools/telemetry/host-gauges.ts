/** How a host and its partitions are at the moment of asking, as metrics. */
import type { HostStatus } from '../../runtime/host.ts';
import type { PartitionStatus } from '../../runtime/partition-status.ts';
import type { Family, Sample } from './prometheus.ts';

/** What a gauge of each partition shows. */
interface PartitionGauge {
  readonly name: string;
  readonly help: string;
  readonly of: (partition: PartitionStatus) => number;
}

const ofPartition: readonly PartitionGauge[] = [
  { name: 'epoch', help: 'The epoch under which the host owns it.', of: ({ epoch }) => epoch },
  {
    name: 'position',
    help: 'The position of the last durable record.',
    of: ({ position }) => position,
  },
  {
    name: 'staged_records',
    help: 'Records that are decided and not yet durable.',
    of: ({ lag }) => lag,
  },
  {
    name: 'pending_commands',
    help: 'Commands whose deferred reply is not yet known.',
    of: ({ pending }) => pending,
  },
  {
    name: 'waiting_reads',
    help: 'Queries and refusals that wait for a check of the fence.',
    of: ({ reads }) => reads,
  },
  {
    name: 'channel_lag_messages',
    help: 'Messages to other partitions that are not yet known to be durable there.',
    of: ({ unacknowledged }) => unacknowledged,
  },
  {
    name: 'parked_messages',
    help: 'Messages that wait for an operator.',
    of: ({ parkedMessages = 0 }) => parkedMessages,
  },
  {
    name: 'dead_letters',
    help: 'Commands set aside that an operator can still retry.',
    of: ({ deadLetters }) => deadLetters,
  },
  {
    name: 'halted_actors',
    help: 'Actors that take nothing until an operator lets them go on; counted up to 100.',
    of: ({ haltedActors = [] }) => haltedActors.length,
  },
  { name: 'resident_actors', help: 'Actors in memory.', of: ({ residents }) => residents },
  { name: 'timers', help: 'Deadlines that are set.', of: ({ timers }) => timers },
  { name: 'deduplication_ids', help: 'Command ids that are remembered.', of: ({ ids }) => ids },
  {
    name: 'deduplication_ids_left',
    help: 'So many more command ids fit the window; at 0 commands with ids get busy.',
    of: ({ idsLeft }) => idsLeft,
  },
  {
    name: 'replay_seconds',
    help: 'How long this owner took to read the log when it began.',
    of: ({ recoveredMs }) => recoveredMs / 1_000,
  },
  {
    name: 'replayed_records',
    help: 'How many records that were.',
    of: ({ recoveredRecords }) => recoveredRecords,
  },
  {
    name: 'snapshot_age_seconds',
    help: 'Since the last checkpoint and its snapshots, if there is anything that they lack.',
    of: ({ checkpointAgeMs }) => checkpointAgeMs / 1_000,
  },
  {
    name: 'unsnapshot_records',
    help: 'Records after the last checkpoint: what a new owner would have to read.',
    of: ({ position, checkpoint }) => Math.max(0, position - checkpoint),
  },
  { name: 'log_bytes', help: 'The text of the log in Redis.', of: ({ logBytes }) => logBytes },
];

/** Of a host that has begun; `ready` as `/readyz` says. */
export function hostGauges(status: HostStatus, ready: boolean): Family[] {
  const { partitions, halted } = status;
  const gauge = (name: string, help: string, samples: readonly Sample[]): Family => ({
    type: 'gauge',
    name: `millrace_${name}`,
    help,
    samples,
  });
  return [
    gauge('ready', '1 if /readyz says so.', [{ value: ready ? 1 : 0 }]),
    gauge('partitions_owned', 'Partitions that requests reach here.', [
      { value: partitions.length },
    ]),
    gauge('partitions_halted', 'Partitions that are here and are not served.', [
      { value: halted.length },
    ]),
    ...ofPartition.map(({ name, help, of }) =>
      gauge(
        `partition_${name}`,
        help,
        partitions.map((one) => ({ labels: { partition: one.partition }, value: of(one) })),
      ),
    ),
  ];
}
