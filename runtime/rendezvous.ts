/**
 * Rendezvous (highest random weight) hashing: every host computes the same owner of a partition
 * from the list of live hosts, and a host that comes or goes moves only its own share.
 */
export function preferredHost(hosts: readonly string[], partition: number): string | undefined {
  let best: string | undefined;
  let bestWeight = -1;
  for (const host of hosts) {
    const weight = weightOf(`${host}#${partition}`);
    if (weight > bestWeight) {
      best = host;
      bestWeight = weight;
    }
  }
  return best;
}

/** FNV-1a with MurmurHash3's final mix: neighbours in the text are far apart in weight. */
function weightOf(text: string): number {
  let state = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) state = Math.imul(state ^ text.charCodeAt(i), 0x01000193);
  state = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
  state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35);
  return (state ^ (state >>> 16)) >>> 0;
}
