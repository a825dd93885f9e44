import type { ActorKey } from './ids.ts';

const offsetBasis = 0x811c9dc5;
const prime = 0x01000193;

/**
 * FNV-1a, 32 bits, over the UTF-8 bytes of `type` followed by `id`, modulo the number of
 * partitions: exactly what nats-server computes for `{{partition(P,1,2)}}`, so that a mapping in
 * the server and a router in a host always agree.
 */
export function partitionOf(key: ActorKey, partitions: number): number {
  const slash = key.indexOf('/');
  let state = offsetBasis;
  // Both grammars are ASCII, so a code unit is a byte.
  for (let i = 0; i < key.length; i++)
    if (i !== slash) state = Math.imul(state ^ key.charCodeAt(i), prime);
  return (state >>> 0) % partitions;
}
