/**
 * The only module that runs XState: a statechart as something that events move, one at a time.
 *
 * A live actor's `send` costs a quarter of the pure `transition()`, so one is kept for each resident
 * actor. Two things are worked out once for each state value and event type, where the machine has
 * neither guards nor eventless transitions:
 * - whether the state takes the event: XState ignores one that it does not take, to us it is a bug;
 * - whether the event changes no state and only runs plain actions. Then these are the whole of it
 *   and are called directly: 0.1 µs for what XState's macrostep, which would find the same, does in 2.
 */
import {
  createActor,
  type Actor,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type AnyStateNode,
} from 'xstate';
import type { Json } from '../contracts/json.ts';
import type { EventBody } from '../contracts/record.ts';

/** A state as a snapshot keeps it: plain JSON, the same for equal states. */
export interface SavedState {
  readonly value: string;
  readonly context: Json;
}

/** One living statechart. */
export interface Instance {
  readonly value: string;
  readonly context: unknown;
  /** Moves by one event; throws if the statechart cannot take it. */
  evolve(event: EventBody): void;
  save(): SavedState;
}

/** Turns a context into JSON and back. */
export interface Persist {
  save(context: unknown): Json;
  load(saved: Json): unknown;
}

/** Makes the function that starts instances of a machine, new or as they were saved. */
export function statechart(
  machine: AnyStateMachine,
  persist: Persist | undefined,
): (saved?: SavedState) => Instance {
  const stepOf = stepsOf(machine);
  return (saved) => new LiveInstance({ machine, persist, stepOf }, saved);
}

type Action = (move: { readonly context: unknown; readonly event: EventBody }) => void;

/** What an event does in a state: nothing it may, plain actions alone, or a move of the machine. */
type Step =
  | { readonly kind: 'refused' }
  | { readonly kind: 'actions'; readonly actions: readonly Action[] }
  | { readonly kind: 'move' };

type StepOf = (snapshot: AnyMachineSnapshot, event: EventBody) => Step;

interface Chart {
  readonly machine: AnyStateMachine;
  readonly persist: Persist | undefined;
  readonly stepOf: StepOf;
}

class LiveInstance implements Instance {
  readonly #chart: Chart;
  readonly #live: Actor<AnyStateMachine>;
  #snapshot: AnyMachineSnapshot;
  #failure: unknown;

  constructor(chart: Chart, saved: SavedState | undefined) {
    const { machine, persist } = chart;
    const context =
      saved && (persist ? persist.load(saved.context) : structuredClone(saved.context));
    this.#chart = chart;
    this.#live = createActor(
      machine,
      saved ? { snapshot: machine.resolveState({ value: saved.value, context }) } : {},
    );
    // An exception in an action would otherwise surface on its own turn of the event loop.
    this.#live.subscribe({ error: (error) => (this.#failure = error) });
    this.#live.start();
    this.#snapshot = this.#live.getSnapshot();
  }

  get value(): string {
    return this.#snapshot.value as string;
  }

  get context(): unknown {
    return this.#snapshot.context;
  }

  evolve(event: EventBody): void {
    const step = this.#chart.stepOf(this.#snapshot, event);
    switch (step.kind) {
      case 'refused':
        throw new Error(
          `in state "${valueText(this.#snapshot)}" the machine cannot take the event "${event.type}"`,
        );
      case 'actions':
        for (const act of step.actions) act({ context: this.#snapshot.context, event });
        return;
      case 'move':
        this.#live.send(event);
        this.#snapshot = this.#live.getSnapshot();
        if (this.#failure === undefined) return;
        throw new Error(`the machine failed on "${event.type}"`, { cause: this.#failure });
    }
  }

  save(): SavedState {
    const { persist } = this.#chart;
    const { context } = this;
    return { value: this.value, context: persist ? persist.save(context) : (context as Json) };
  }
}

const refused: Step = { kind: 'refused' };
const move: Step = { kind: 'move' };

function stepsOf(machine: AnyStateMachine): StepOf {
  if (!isPlain(machine.root)) return (snapshot, event) => (snapshot.can(event) ? move : refused);
  const known = new Map<string, Map<string, Step>>();
  return (snapshot, event) => {
    const value = valueText(snapshot);
    let ofValue = known.get(value);
    if (ofValue === undefined) known.set(value, (ofValue = new Map()));
    let step = ofValue.get(event.type);
    if (step === undefined) ofValue.set(event.type, (step = workOut(machine, snapshot, event)));
    return step;
  };
}

function workOut(machine: AnyStateMachine, snapshot: AnyMachineSnapshot, event: EventBody): Step {
  if (!snapshot.can(event)) return refused;
  const actions: Action[] = [];
  for (const transition of machine.getTransitionData(snapshot, event)) {
    if (transition.target !== undefined) return move;
    for (const named of transition.actions) {
      const action = typeof named === 'string' ? machine.implementations.actions[named] : named;
      // XState's own actions, assign among them, are functions with a `resolve`.
      if (typeof action !== 'function' || 'resolve' in action) return move;
      actions.push(action as unknown as Action);
    }
  }
  return { kind: 'actions', actions };
}

/** No guard and no eventless transition anywhere: the value and the event's type decide alone. */
function isPlain(node: AnyStateNode): boolean {
  const transitions = [...node.transitions.values()].flat();
  return (
    node.always === undefined &&
    transitions.every(({ guard }) => guard === undefined) &&
    Object.values(node.states).every(isPlain)
  );
}

const valueText = ({ value }: AnyMachineSnapshot): string =>
  typeof value === 'string' ? value : JSON.stringify(value);
