import type { Leases } from '../../runtime/leases.ts';
import type { Fence } from '../../runtime/log.ts';
import type { MemoryStore } from '../../runtime/memory/store.ts';

/**
 * The leases of a store, which complain if a successor is given a partition that is reached through
 * another queue group than its own, or if a partition is reached again through one that it has left.
 */
export function watchedLeases(
  { leases, partitions }: Pick<MemoryStore, 'leases' | 'partitions'>,
  complain: (complaint: string) => void,
): Leases {
  const left = new Set<string>();
  const ownerOf = ({ partition }: Fence) => partitions(partition).owner;
  return {
    ...leases,
    handOver: async (renewal, heir, group) => {
      const { fence } = renewal;
      const before = ownerOf(fence);
      const outcome = await leases.handOver(renewal, heir, group);
      if (ownerOf(fence)?.epoch !== before?.epoch && before?.group !== group)
        complain(
          `partition ${fence.partition} is given to ${heir.host}, which is in another group`,
        );
      return outcome;
    },
    regroup: async (fence, groups) => {
      const before = ownerOf(fence)?.group ?? '';
      const outcome = await leases.regroup(fence, groups);
      if (ownerOf(fence)?.group === before) return outcome;
      left.add(before);
      if (left.has(groups.to))
        complain(`partition ${fence.partition} is in a group that it had left`);
      return outcome;
    },
  };
}
