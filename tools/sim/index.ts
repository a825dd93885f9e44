/** The simulator as a library: `millrace/simulator`. */
export { Dice } from './dice.ts';
export { simulate, type Figures, type Outcome, type SimulationOptions } from './simulate.ts';
export type { Act, Workload } from './workload.ts';
