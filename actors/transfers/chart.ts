import type { AnyStateMachine } from 'xstate';

/** A statechart of plain states as a table: what each event makes of each state. */
export interface Chart {
  readonly initial: string;
  /** The state after an event; throws if the state does not take it. */
  next(state: string, event: string): string;
  /** Nothing follows this state. */
  isFinal(state: string): boolean;
}

/**
 * Reads a machine that has neither context nor guards nor states within states. An account has
 * thousands of transfers, each in a state of its protocol's machine: with a table they share one
 * machine, and a step is one look-up.
 */
export function chartOf(machine: AnyStateMachine): Chart {
  const table = new Map<string, ReadonlyMap<string, string>>();
  for (const [name, state] of Object.entries(machine.states)) {
    const row = new Map<string, string>();
    for (const [event, [only]] of state.transitions) row.set(event, only?.target?.[0]?.key ?? name);
    table.set(name, row);
  }
  return {
    initial: machine.root.initial.target[0]?.key ?? '',
    next: (state, event) => {
      const next = table.get(state)?.get(event);
      if (next === undefined) throw new Error(`a transfer that is ${state} takes no ${event}`);
      return next;
    },
    isFinal: (state) => table.get(state)?.size === 0,
  };
}
