/**
 * How much memory a host may use. Actors in memory have half of its heap: the rest is for what is
 * under way, ids and replies that are remembered, and room for the collector.
 */
import { totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';

const mebibyte = 1024 * 1024;

/**
 * Two million small accounts. More must be asked for: the collector has to look at all of them, half
 * a second for a million, more beside other load, and who stops for too long loses its leases.
 */
const residentBytesMax = 2048 * mebibyte;
/** A host needs so much for anything but actors. */
const heapMiBMin = 512;
const heapMiBMax = 6 * 1024;

/** The heap that this process may give to actors in memory, unless told otherwise. */
export const residentBytesDefault = (): number =>
  Math.min(residentBytesMax, Math.floor(getHeapStatistics().heap_size_limit / 2));

/**
 * The heap for each of so many hosts of one machine, in MiB: half of its memory in all, for Redis
 * needs the other half; or what holds the actors that are asked for.
 */
export function hostHeapMiB(hosts: number, residentBytes: number | undefined): number {
  const share = Math.min(heapMiBMax, machineBytes() / 2 / hosts / mebibyte);
  const wanted = residentBytes === undefined ? share : (2 * residentBytes) / mebibyte;
  return Math.max(heapMiBMin, Math.floor(wanted));
}

/** What this process may use: the machine's memory, or less in a container. */
function machineBytes(): number {
  const allowed = process.constrainedMemory();
  return allowed > 0 ? Math.min(allowed, totalmem()) : totalmem();
}
