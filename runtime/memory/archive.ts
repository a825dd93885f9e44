import type { Archive } from '../archive.ts';
import type { Entry } from '../log.ts';

/** An archive in memory: for tests and simulations of this process. */
export function memoryArchive(): Archive {
  const slices = new Map<number, (readonly Entry[])[]>();
  return {
    async write(partition, entries) {
      slices.set(partition, [...(slices.get(partition) ?? []), entries]);
    },

    async read(partition, position) {
      const holds = (entry: Entry): boolean =>
        entry.position <= position && position < entry.position + entry.n;
      const slice = slices.get(partition)?.findLast((entries) => entries.some(holds)) ?? [];
      return slice.slice(Math.max(slice.findIndex(holds), 0));
    },
  };
}
