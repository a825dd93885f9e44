import { expect, test } from 'vitest';
import { preferredHost } from '../../runtime/rendezvous.ts';

const hosts = ['ann', 'bob', 'cyd', 'dan', 'eve'];
const partitions = Array.from({ length: 1_024 }, (_, partition) => partition);
const owners = (among: readonly string[]) =>
  partitions.map((partition) => preferredHost(among, partition));

test('each of five hosts gets a fifth of the partitions, within a fifth', () => {
  for (const host of hosts) {
    const share = owners(hosts).filter((owner) => owner === host).length / partitions.length;
    expect(share).toBeGreaterThan(0.16);
    expect(share).toBeLessThan(0.24);
  }
});

test('numbered hosts share as well as named ones', () => {
  const numbered = Array.from({ length: 4 }, (_, n) => `host-${n}`);
  for (const host of numbered) {
    const share = owners(numbered).filter((owner) => owner === host).length / partitions.length;
    expect(share).toBeGreaterThan(0.2);
    expect(share).toBeLessThan(0.3);
  }
});

test('a host that leaves moves only its own share', () => {
  const before = owners(hosts);
  const after = owners(hosts.filter((host) => host !== 'cyd'));
  before.forEach((owner, partition) => {
    if (owner === 'cyd') expect(after[partition]).not.toBe('cyd');
    else expect(after[partition]).toBe(owner);
  });
});

test('the order in which hosts are listed does not matter; without hosts there is none', () => {
  expect(owners(hosts.toReversed())).toEqual(owners(hosts));
  expect(preferredHost([], 1)).toBeUndefined();
});
