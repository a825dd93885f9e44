/**
 * The kernel that every actor is written against. An actor's own file describes its statechart with
 * XState's `setup`; `statechart.ts` alone runs it.
 *
 * An actor is three things: a contract (zod), a statechart that says which histories are legal and
 * what they add up to (`machine`, driven by events alone), and a judgement (`decide`, and `receive`
 * for messages of other actors), which is pure: the same state, command and context always give
 * the same decision. No clock, randomness or I/O anywhere in an actor.
 */
import type { AnyStateMachine, ContextFrom } from 'xstate';
import { z } from 'zod';
import type { ActorKey } from '../contracts/ids.ts';
import type { Json, JsonObject } from '../contracts/json.ts';
import type { Value } from '../contracts/money.ts';
import type { Deadline, EventBody } from '../contracts/record.ts';
import { success, type Reply } from '../contracts/reply.ts';
import { react, type Decision } from './decision.ts';
import { statechart, type Instance, type SavedState } from './statechart.ts';

export { accept, alreadyApplied, defer, react, reject } from './decision.ts';
export type { Decision, Effects, Outgoing } from './decision.ts';
export type { Instance, SavedState } from './statechart.ts';

/** What a judgement may know besides the state and the command. */
export interface Context {
  readonly self: ActorKey;
  /** The time of the record that this decision becomes, in ms since 1970. */
  readonly now: number;
  /** The address of that record, `17:3-4711`. */
  readonly at: string;
  /** The command's id; empty for a message and for a deadline. */
  readonly id: string;
  /** How many partitions the cluster has: how many confirmations a replicated value will get. */
  readonly partitions: number;
  /**
   * The events of the record that the command cites (`ActorSource.cites`); absent if this actor has
   * no record at that address.
   */
  readonly cited?: readonly EventBody[] | undefined;
  /** What another actor replicated to every partition (see `Effects.replicate`), as far as it is known here. */
  reference(actor: ActorKey): Json | undefined;
}

/** A message as its receiver sees it. */
export interface Incoming {
  readonly name: string;
  readonly body: Json;
  readonly value?: Value;
}

/** A statechart's state, as judgement and queries see it: read only. */
export interface State<C> {
  readonly value: string;
  readonly context: C;
  /** How many records with events the actor has had. */
  readonly version: number;
}

/** A query with a body; its reply is built with `success` or `refusal`. */
export interface Query<C> {
  readonly body: z.ZodType;
  read(state: State<C>, body: unknown): Reply;
}

/** A query with a body, typed by the body's schema. */
export const query = <C, Body extends z.ZodType>(
  body: Body,
  read: (state: State<C>, body: z.infer<Body>) => Reply,
): Query<C> => ({ body, read });

/** What a user writes: the contract, the machine, the judgement. */
export interface ActorSource<
  Machine extends AnyStateMachine,
  Command extends z.ZodType<{ name: string }>,
  Event extends z.ZodType<{ type: string }>,
> {
  readonly type: string;
  /** A discriminated union on `name`: the command's name and the fields of its body. */
  readonly command: Command & { readonly options: readonly z.ZodType[] };
  /** The events, as the log keeps them. */
  readonly event: Event;
  readonly machine: Machine;
  readonly decide: (
    state: State<ContextFrom<Machine>>,
    command: z.infer<Command>,
    context: Context,
  ) => Decision<z.infer<Event>>;
  /**
   * The address of an earlier record of this actor, `17:3-4711`, that judgement of this command must
   * see. It is looked up in the log or its archive before: an actor need not remember all that it did.
   */
  readonly cites?: (command: z.infer<Command>) => string | undefined;
  /** Judges a message of another actor. Without it messages are recorded and change nothing. */
  readonly receive?: (
    state: State<ContextFrom<Machine>>,
    message: Incoming,
    context: Context,
  ) => Decision<z.infer<Event>>;
  /**
   * Judges a deadline that has come (see `Effects.timers`); it is no longer set. If judgement
   * fails, it comes again, with a later `at`.
   */
  readonly timer?: (
    state: State<ContextFrom<Machine>>,
    deadline: Deadline,
    context: Context,
  ) => Decision<z.infer<Event>>;
  /** Queries: without a body a plain function; with one, built with `query`. */
  readonly query?: {
    readonly [name: string]:
      | Query<ContextFrom<Machine>>
      | ((state: State<ContextFrom<Machine>>) => Json);
  };
  /** What commands and queries answer when they succeed, as service discovery tells it. */
  readonly results?: Results;
  /**
   * For each event that once had another shape, what makes today's of it: the log keeps events as they
   * were written, and only machine, judgement and publication see them like this. It is given those of
   * today's shape, too, and returns them as they are. Saved contexts of earlier builds come to
   * `persist.load`.
   */
  readonly upcast?: {
    readonly [Type in z.infer<Event>['type']]?: (
      recorded: EventBody,
    ) => Extract<z.infer<Event>, { readonly type: Type }>;
  };
  /** Events that stay in the log and are not published. */
  readonly internal?: readonly z.infer<Event>['type'][];
  /** The body under which an event is published; without this, the event less its `type`. */
  readonly publish?: (event: z.infer<Event>) => JsonObject;
  /** Turns a context that is not plain JSON into JSON and back; equal states must give equal JSON. */
  readonly persist?: {
    save(context: ContextFrom<Machine>): Json;
    load(saved: Json): ContextFrom<Machine>;
    /** The JSON text of `save`, for a state of which much never changes and need not be written again. */
    write?(context: ContextFrom<Machine>): string;
  };
  /** What the actor owns, per asset: what an audit adds up. */
  readonly holdings?: (state: State<ContextFrom<Machine>>) => Value;
  /** The holdings by what they are kept for, which must add up to them: the lines of an audit. */
  readonly ledger?: (state: State<ContextFrom<Machine>>) => Ledger;
  /** What its history shows after each record; default: the holdings. */
  readonly balances?: (state: State<ContextFrom<Machine>>) => Json;
  /** How its history reads; without it names and fields are shown as they are. */
  readonly words?: Words<z.infer<Event>>;
}

/** What is owned, by what it is kept for. */
export interface Ledger {
  readonly [line: string]: Value;
}

/** The schemas of results, by the name of the command or query. */
export interface Results {
  readonly commands: { readonly [name: string]: z.ZodType };
  readonly queries: { readonly [name: string]: { readonly result: z.ZodType } };
}

/** An actor's history in words. */
export interface Words<Event> {
  /** What an event says happened. */
  event(event: Event): string;
  /** What was asked, as far as the first event of its record tells; undefined if it does not. */
  asked(first: Event): string | undefined;
}

/** An actor type as the runtime sees it: types erased, XState out of sight. */
export interface ActorType {
  readonly type: string;
  readonly commands: ReadonlyMap<string, z.ZodType>;
  readonly queries: ReadonlyMap<string, Query<unknown>>;
  /** What they answer, as far as the actor says. */
  readonly results: Results;
  decide(state: State<unknown>, command: unknown, context: Context): Decision;
  /** The address of the record that a command cites. */
  cites(command: unknown): string | undefined;
  receive(state: State<unknown>, message: Incoming, context: Context): Decision;
  timer(state: State<unknown>, deadline: Deadline, context: Context): Decision;
  holdings(state: State<unknown>): Value;
  /** The same, by what it is kept for. */
  ledger(state: State<unknown>): Ledger;
  /** What history shows of a state. */
  balances(state: State<unknown>): Json;
  /** A recorded event in words; undefined if the actor has none for it. */
  tell(event: EventBody): string | undefined;
  /** What was asked, told from the events that followed; undefined if they do not tell. */
  asked(events: readonly EventBody[]): string | undefined;
  /** A recorded event in the shape that this build gives it. */
  upcast(recorded: EventBody): EventBody;
  /** The body under which an event is published; undefined for one that stays in the log. */
  publish(event: EventBody): JsonObject | undefined;
  /** A live instance: new, or as it was saved. */
  start(saved?: SavedState): Instance;
}

/** Makes an actor type of its contract, machine and judgement. */
export function defineActor<
  Machine extends AnyStateMachine,
  Command extends z.ZodType<{ name: string }>,
  Event extends z.ZodType<{ type: string }>,
>(source: ActorSource<Machine, Command, Event>): ActorType {
  // The casts undo an erasure: the runtime only ever hands an actor type its own states,
  // commands that its own schema has parsed, and events that its own judgement has made.
  const typed = (state: State<unknown>): State<ContextFrom<Machine>> =>
    state as State<ContextFrom<Machine>>;
  const upcast = upcasting(source.upcast);
  return {
    type: source.type,
    commands: new Map(source.command.options.map((option) => [commandName(option), option])),
    queries: new Map(
      Object.entries(source.query ?? {}).map(([name, read]) => [name, asQuery(read)]),
    ),
    results: source.results ?? { commands: {}, queries: {} },
    decide: (state, command, context) =>
      source.decide(
        typed(state),
        command as z.infer<Command>,
        context.cited ? { ...context, cited: context.cited.map(upcast) } : context,
      ),
    cites: (command) => source.cites?.(command as z.infer<Command>),
    receive: (state, message, context) =>
      source.receive?.(typed(state), message, context) ?? react([]),
    timer: (state, deadline, context) =>
      source.timer?.(typed(state), deadline, context) ?? react([]),
    upcast,
    publish: (event) => {
      if (source.internal?.includes(event.type)) return undefined;
      const newest = upcast(event);
      return source.publish ? source.publish(newest as z.infer<Event>) : bodyOf(newest);
    },
    holdings: (state) => source.holdings?.(typed(state)) ?? {},
    ledger: (state) =>
      source.ledger?.(typed(state)) ?? { [source.type]: source.holdings?.(typed(state)) ?? {} },
    balances: (state) => (source.balances ?? source.holdings)?.(typed(state)) ?? {},
    tell: (event) => source.words?.event(upcast(event) as z.infer<Event>),
    asked: ([first]) => first && source.words?.asked(upcast(first) as z.infer<Event>),
    start: statechart(source.machine, { persist: source.persist, upcast }),
  };
}

type Upcast = (recorded: EventBody) => EventBody;

function upcasting(casts: { readonly [type: string]: Upcast | undefined } | undefined): Upcast {
  if (casts === undefined) return (recorded) => recorded;
  const byType = new Map(Object.entries(casts));
  return (recorded) => byType.get(recorded.type)?.(recorded) ?? recorded;
}

const bodyOf = ({ type: _, ...body }: EventBody): JsonObject => body;

function commandName(option: z.ZodType): string {
  const shape = (option as z.ZodObject).shape as { readonly name?: z.ZodLiteral };
  const name = shape.name?.value;
  if (typeof name !== 'string') throw new Error('every command schema needs `name: z.literal(…)`');
  return name;
}

const emptyBody = z.strictObject({});

function asQuery<C>(read: Query<C> | ((state: State<C>) => Json)): Query<unknown> {
  if (typeof read !== 'function') return read;
  return { body: emptyBody, read: (state) => success(read(state as State<C>)) };
}
