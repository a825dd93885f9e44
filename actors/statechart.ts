/**
 * The only module that runs XState: a statechart as something that events move, one at a time.
 *
 * An instance is a state value and a context. Two things are worked out once for each state value
 * and event type, where the machine has neither guards nor eventless transitions:
 * - whether the state takes the event: XState ignores one that it does not take, to us it is a bug;
 * - whether the event changes no state and only runs plain actions. Then these are the whole of it
 *   and are called directly: 0.1 µs for what XState's macrostep, which would find the same, does in 2.
 *
 * What is left, XState does, on a live actor of the instance: its `send` costs a quarter of the pure
 * `transition()`, but it takes 4 KB and 12 µs to make. So the instances that began to move last keep
 * theirs, `liveMax` of each machine, and a million resident accounts are not a million XState actors.
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
  /** The JSON text of `save`. */
  text(): string;
}

/** Turns a context into JSON and back. */
export interface Persist {
  save(context: unknown): Json;
  load(saved: Json): unknown;
  /** The JSON text of `save`, where most of it is known before and need not be made again. */
  write?(context: unknown): string;
}

export interface Reading {
  /** Without it a context is plain JSON. */
  readonly persist: Persist | undefined;
  /** Gives a recorded event the shape that the machine knows. */
  readonly upcast: (recorded: EventBody) => EventBody;
}

/** Makes the function that starts instances of a machine, new or as they were saved. */
export function statechart(
  machine: AnyStateMachine,
  reading: Reading,
): (saved?: SavedState) => Instance {
  const chart: Chart = { machine, ...reading, steps: stepsOf(machine), live: new LatestLive() };
  return (saved) => new ChartInstance(chart, saved);
}

type Action = (move: { readonly context: unknown; readonly event: EventBody }) => void;

/** What an event does in a state: nothing it may, plain actions alone, or a move of the machine. */
type Step =
  | { readonly kind: 'refused' }
  | { readonly kind: 'actions'; readonly actions: readonly Action[] }
  | { readonly kind: 'move' };

/** A state of a machine: all of it, as far as a machine may use XState here. */
interface Point {
  readonly value: string;
  readonly context: unknown;
}

interface Steps {
  /** Throws unless the machine has this state. */
  check(point: Point): void;
  of(point: Point, event: EventBody): Step;
}

interface Chart extends Reading {
  readonly machine: AnyStateMachine;
  readonly steps: Steps;
  readonly live: LatestLive;
}

class ChartInstance implements Instance {
  readonly #chart: Chart;
  #value: string;
  #context: unknown;
  #live: LiveMachine | undefined;

  constructor(chart: Chart, saved: SavedState | undefined) {
    this.#chart = chart;
    if (saved) {
      const { persist } = chart;
      this.#value = saved.value;
      this.#context = persist ? persist.load(saved.context) : structuredClone(saved.context);
      chart.steps.check(this);
    } else {
      this.#live = new LiveMachine(chart.machine);
      chart.live.add(this);
      ({ value: this.#value, context: this.#context } = this.#live.point);
    }
  }

  get value(): string {
    return this.#value;
  }

  get context(): unknown {
    return this.#context;
  }

  evolve(recorded: EventBody): void {
    const event = this.#chart.upcast(recorded);
    const step = this.#chart.steps.of(this, event);
    switch (step.kind) {
      case 'refused':
        throw new Error(
          `in state "${valueText(this.#value)}" the machine cannot take the event "${event.type}"`,
        );
      case 'actions':
        for (const act of step.actions) act({ context: this.#context, event });
        return;
      case 'move':
        ({ value: this.#value, context: this.#context } = this.#warm().send(event));
    }
  }

  save(): SavedState {
    const { persist } = this.#chart;
    const context = persist ? persist.save(this.#context) : (this.#context as Json);
    return { value: this.#value, context };
  }

  text(): string {
    const { persist } = this.#chart;
    if (persist?.write === undefined) return JSON.stringify(this.save());
    return `{"value":${JSON.stringify(this.#value)},"context":${persist.write(this.#context)}}`;
  }

  /** Gives up the live actor; the next move makes another one. */
  cool(): void {
    this.#live = undefined;
  }

  #warm(): LiveMachine {
    if (this.#live === undefined) {
      this.#live = new LiveMachine(this.#chart.machine, this);
      this.#chart.live.add(this);
    }
    return this.#live;
  }
}

/** An XState actor, new or at a point. */
class LiveMachine {
  readonly #actor: Actor<AnyStateMachine>;
  #failure: unknown;

  constructor(machine: AnyStateMachine, point?: Point) {
    const options = point ? { snapshot: snapshotAt(machine, point) } : {};
    this.#actor = createActor(machine, options);
    // An exception in an action would otherwise surface on its own turn of the event loop.
    this.#actor.subscribe({ error: (error) => (this.#failure = error) });
    this.#actor.start();
  }

  get point(): Point {
    return this.#actor.getSnapshot();
  }

  send(event: EventBody): Point {
    this.#actor.send(event);
    if (this.#failure === undefined) return this.point;
    throw new Error(`the machine failed on "${event.type}"`, { cause: this.#failure });
  }
}

const liveMax = 4_096;

/** Which instances have a live actor; references are weak, so that nobody stays in memory for it. */
class LatestLive {
  readonly #latest: WeakRef<ChartInstance>[] = [];
  #next = 0;

  add(instance: ChartInstance): void {
    this.#latest[this.#next]?.deref()?.cool();
    this.#latest[this.#next] = new WeakRef(instance);
    this.#next = (this.#next + 1) % liveMax;
  }
}

const refused: Step = { kind: 'refused' };
const move: Step = { kind: 'move' };

function stepsOf(machine: AnyStateMachine): Steps {
  if (!isPlain(machine.root)) {
    return {
      check: (point) => void snapshotAt(machine, point),
      of: (point, event) => (snapshotAt(machine, point).can(event) ? move : refused),
    };
  }
  const known = new Map<string, Map<string, Step>>();
  const ofValue = (point: Point): Map<string, Step> => {
    const value = valueText(point.value);
    let steps = known.get(value);
    if (steps === undefined) {
      snapshotAt(machine, point);
      known.set(value, (steps = new Map()));
    }
    return steps;
  };
  return {
    check: (point) => void ofValue(point),
    of: (point, event) => {
      const steps = ofValue(point);
      let step = steps.get(event.type);
      if (step === undefined) {
        step = workOut(machine, snapshotAt(machine, point), event);
        steps.set(event.type, step);
      }
      return step;
    },
  };
}

/** Throws if the machine has no such state. */
const snapshotAt = (machine: AnyStateMachine, { value, context }: Point): AnyMachineSnapshot =>
  machine.resolveState({ value, context });

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

const valueText = (value: unknown): string =>
  typeof value === 'string' ? value : JSON.stringify(value);
