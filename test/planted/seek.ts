/**
 * Seeks one planted fault with the simulator: `node test/planted/seek.ts NAME SEEDS`. Prints one JSON
 * line that tells after how many seeds something was wrong, and what; null if nothing was.
 */
import { plantedFaults } from './faults.ts';
import { plant } from './plant.ts';

const [name = '', seeds = '100'] = process.argv.slice(2);
const fault = plantedFaults.find((planted) => planted.name === name);
if (fault === undefined) throw new Error(`no planted fault is called "${name}"`);
plant(fault);
const { simulate } = await import('../../tools/sim/index.ts');
const { workload: purses } = await import('../sim/purses.ts');
const { workload: transfers } = await import('../sim/transfers.ts');
const workloads = [{ workload: purses }, undefined, { workload: transfers }, undefined];

/** The workloads by turns, the exchange every other time. */
async function seek(): Promise<{ seeds: number; complaint: string } | null> {
  for (let seed = 1; seed <= Number(seeds); seed++) {
    const own = workloads[seed % workloads.length];
    const complaint = await simulate({ seed: `${seed}`, ...own }).then(
      ({ complaints }) => complaints[0],
      (error: unknown) => `the simulation ended: ${String(error)}`,
    );
    if (complaint !== undefined && /\b(Type|Reference|Syntax)Error\b/.test(complaint))
      throw new Error(`"${name}" does not fit the sources any more: ${complaint}`);
    if (complaint !== undefined) return { seeds: seed, complaint };
  }
  return null;
}

console.log(JSON.stringify(await seek()));
