import { actorKey } from '../contracts/ids.ts';
import { partitionOf } from '../contracts/partition.ts';
import type { Bus } from './bus.ts';

export interface MappingProbe {
  readonly bus: Bus;
  readonly prefix: string;
  readonly partitions: number;
  /** Unique among those who may probe at the same time. */
  readonly name: string;
}

/**
 * Asks NATS where it maps subjects to; gives one that it maps for another number of partitions, which
 * would reach the wrong owner. Unmapped ones come to the router, which is slower and works.
 */
export async function findWrongMapping(options: MappingProbe): Promise<string | undefined> {
  const { bus, prefix, partitions, name } = options;
  const wrong: string[] = [];
  const probe = 'millrace-probe';
  const subscription = bus.subscribe(`${prefix}.part.*.get.${probe}.*.${name}`, ({ subject }) => {
    const [, partition, , type = '', id = ''] = subject.slice(prefix.length + 1).split('.');
    if (Number(partition) !== partitionOf(actorKey(type, id), partitions)) wrong.push(subject);
  });
  for (let id = 0; id < 32; id++) bus.publish(`${prefix}.get.${probe}.${id}.${name}`, '');
  await bus.flush();
  await bus.flush();
  subscription.unsubscribe();
  return wrong[0];
}
