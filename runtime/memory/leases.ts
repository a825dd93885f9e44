/** Who owns what, in memory: for tests and simulations of this process. */
import type { ClusterSettings } from '../../contracts/cluster.ts';
import type { Leases, OwnerRecord } from '../leases.ts';
import { ownerUnder, topOf, type Owner, type Partitions } from './partition-store.ts';

/** `now` is the store's time, in ms. */
export function memoryLeases(partitions: Partitions, now: () => number): Leases {
  const hosts = new Map<string, number>();
  return {
    ...ownership(partitions, now),
    ...succession(partitions, now),
    ...membership(hosts, now),
    async owners(count) {
      const living = [...hosts].filter(([, until]) => until > now()).map(([name]) => name);
      const owners = Array.from({ length: count }, (_, partition) =>
        recordOf(partitions(partition).owner),
      );
      return { now: now(), hosts: living.toSorted(), owners };
    },
  };
}

const ownership = (
  partitions: Partitions,
  now: () => number,
): Pick<Leases, 'acquire' | 'renew' | 'release' | 'ownerOf' | 'epochOf'> => ({
  async acquire({ partition, host, nonce, group, leaseMs }) {
    const store = partitions(partition);
    const { owner, entries } = store;
    if (owner && owner.nonce !== nonce && owner.until > now())
      return { kind: 'held', host: owner.host };
    const top = topOf(entries);
    const epoch = Math.max(owner?.epoch ?? 0, entries.at(-1)?.epoch ?? 0) + 1;
    if (owner && owner.top !== top) {
      const until = now() + leaseMs;
      store.owner = { ...owner, epoch, nonce, host, group, until, isLost: true };
      return { kind: 'lost-tail', known: owner.top, found: top, epoch };
    }
    const published = owner?.published ?? 0;
    entries.push({ epoch, position: top, n: 0, records: '' });
    store.epochs.push({ epoch, first: top + 1 });
    // One above the top of a log that was cut by hand must not keep all later ones out.
    const checkpoint = Math.min(owner?.checkpoint ?? 0, top);
    const until = now() + leaseMs;
    const known = { top, published, checkpoint, token: '', isLost: false };
    store.owner = { epoch, nonce, host, group, until, ...known };
    return { kind: 'acquired', epoch, top, published };
  },

  renew: async (renewals, leaseMs) =>
    renewals.map(({ fence, published }) => {
      const store = partitions(fence.partition);
      const owner = ownerUnder(store, fence);
      if (owner === undefined) return 'fenced';
      const upTo = Math.max(published, owner.published);
      store.owner = { ...owner, until: now() + leaseMs, published: upTo };
      return 'ok';
    }),

  async release({ fence, published }) {
    const store = partitions(fence.partition);
    const owner = ownerUnder(store, fence);
    if (owner === undefined) return 'fenced';
    // Without its nonce the former owner can write no more, even before another has acquired.
    store.owner = {
      ...owner,
      until: 0,
      nonce: '',
      published: Math.max(published, owner.published),
    };
    return 'ok';
  },

  ownerOf: async (partition) => recordOf(partitions(partition).owner),

  async epochOf(partition, position) {
    const { owner, epochs } = partitions(partition);
    if (owner === undefined || position < 1 || position > owner.top) return undefined;
    return epochs.findLast(({ first }) => first <= position)?.epoch;
  },
});

const succession = (
  partitions: Partitions,
  now: () => number,
): Pick<Leases, 'handOver' | 'regroup'> => ({
  async handOver({ fence, published }, { host, nonce, leaseMs }, group) {
    const store = partitions(fence.partition);
    const epoch = fence.epoch + 1;
    if (store.owner?.epoch === epoch && store.owner.nonce === nonce) return 'ok';
    const owner = ownerUnder(store, fence);
    if (owner?.group !== group) return 'fenced';
    const { top } = owner;
    if (owner.isLost || store.entries.length === 0) return 'diverged';
    store.entries.push({ epoch, position: top, n: 0, records: '' });
    store.epochs.push({ epoch, first: top + 1 });
    const upTo = Math.max(published, owner.published);
    const until = now() + leaseMs;
    store.owner = { ...owner, epoch, nonce, host, published: upTo, token: '', until };
    return 'ok';
  },

  async regroup(fence, { from, to }) {
    const store = partitions(fence.partition);
    const owner = ownerUnder(store, fence);
    if (owner?.group === to) return 'ok';
    if (owner?.group !== from) return 'fenced';
    store.owner = { ...owner, group: to };
    return 'ok';
  },
});

function recordOf(owner: Owner | undefined): OwnerRecord | undefined {
  if (owner === undefined) return undefined;
  const { token: _, isLost: __, ...record } = owner;
  return record;
}

const membership = (
  hosts: Map<string, number>,
  now: () => number,
): Pick<Leases, 'heartbeat' | 'depart' | 'settle'> => {
  let settled: ClusterSettings | undefined;
  return {
    async heartbeat(host, ttlMs) {
      hosts.set(host, now() + ttlMs);
      for (const [name, until] of hosts) if (until <= now()) hosts.delete(name);
      return { now: now(), hosts: [...hosts.keys()].toSorted() };
    },

    async depart(host) {
      hosts.delete(host);
    },

    settle: async (settings) => (settled ??= settings),
  };
};
