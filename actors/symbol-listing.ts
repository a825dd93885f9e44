/**
 * Listing, halting and resuming. Each changes what accounts must know of the symbol, so each sends
 * the definition to all partitions and is answered when all of them have it.
 */
import { parseUnits, scaleOf, type Scales } from '../contracts/money.ts';
import { refusal, success, type Reply } from '../contracts/reply.ts';
import type { Definition } from '../contracts/symbol.ts';
import { accept, defer, react, reject, type Context, type Decision, type State } from './actor.ts';
import type { SymbolReference } from './order-messages.ts';
import type { SymbolEvent } from '../contracts/symbol-events.ts';
import { listingOf, type SymbolContext } from './symbol-state.ts';

type Status = SymbolReference['status'];

/** A definition as accounts see it, with the fees' defaults. */
export const referenceOf = (definition: Definition, status: Status): SymbolReference => ({
  base: definition.base,
  quote: definition.quote,
  tickSize: definition.tickSize,
  lotSize: definition.lotSize,
  makerFee: definition.makerFee ?? '0',
  takerFee: definition.takerFee ?? '0',
  settlement: definition.settlement,
  status,
});

/** The definition in a command, an event or a snapshot, as it was given. */
export const definitionIn = ({ makerFee, takerFee, ...given }: Definition) => ({
  base: given.base,
  quote: given.quote,
  tickSize: given.tickSize,
  lotSize: given.lotSize,
  settlement: given.settlement,
  ...(makerFee !== undefined && { makerFee }),
  ...(takerFee !== undefined && { takerFee }),
});

/** Lists the symbol; listing it again in the same way succeeds and changes nothing. */
export function judgeList(
  state: State<SymbolContext>,
  definition: Definition,
  scales: Scales,
  context: Context,
): Decision<SymbolEvent> {
  const { listing } = state.context;
  if (listing) {
    if (!sameDefinition(listing.definition, definition)) return reject('symbol/exists');
    return joinOrAnswer(state, context);
  }
  const wrong = whyNot(definition, scales);
  if (wrong) return { events: [], reply: wrong };
  return replicate(state, { type: 'listed', ...definition }, definition, 'trading', context);
}

/** Halts or resumes a listed symbol; one that is so already stays so. */
export function judgeStatus(
  state: State<SymbolContext>,
  status: Status,
  context: Context,
): Decision<SymbolEvent> {
  if (state.value === status) return joinOrAnswer(state, context);
  const { definition } = listingOf(state.context);
  const event = { type: status === 'halted' ? 'halted' : 'resumed' } as const;
  return replicate(state, event, definition, status, context);
}

/** A partition has recorded the definition of a version: the last one ends the waiting. */
export function receiveReplicated(
  state: State<SymbolContext>,
  version: number,
): Decision<SymbolEvent> {
  const replication = state.context.replications.find((one) => one.version === version);
  if (!replication) return react([]);
  const event = { type: 'replication-confirmed', version } as const;
  if (replication.missing > 1) return react(event);
  const reply = success({ status: replication.status });
  return react(event, { answers: replication.requests.map((id) => ({ id, reply })) });
}

/** Nothing changes; but while partitions still wait for the last change, so does the answer. */
function joinOrAnswer(state: State<SymbolContext>, context: Context): Decision<SymbolEvent> {
  const latest = state.context.replications.at(-1);
  if (!latest) return accept([], { status: state.value });
  return defer({ type: 'replication-joined', version: latest.version, request: context.id });
}

function replicate(
  state: State<SymbolContext>,
  event: SymbolEvent,
  definition: Definition,
  status: Status,
  { id, partitions }: Context,
): Decision<SymbolEvent> {
  const version = state.version + 1;
  return defer([event, { type: 'replicating', version, status, partitions, request: id }], {
    replicate: referenceOf(definition, status),
  });
}

const decimalsMax = 18;

/** Whether two definitions mean the same; sizes as written, for they give prices their decimals. */
const sameDefinition = (one: Definition, other: Definition): boolean =>
  one.base === other.base &&
  one.quote === other.quote &&
  one.tickSize === other.tickSize &&
  one.lotSize === other.lotSize &&
  one.settlement === other.settlement &&
  rate(one.makerFee) === rate(other.makerFee) &&
  rate(one.takerFee) === rate(other.takerFee);

const rate = (text = '0'): bigint => parseUnits(text, decimalsMax) ?? 0n;

function whyNot(definition: Definition, scales: Scales): Reply | undefined {
  const { base, quote, tickSize, lotSize, settlement } = definition;
  if (base === quote) return refusal('request/malformed', 'base and quote must be two assets.');
  if (rate(tickSize) === 0n) return refusal('money/not-positive', 'tickSize must be above zero.');
  if (rate(lotSize) === 0n) return refusal('money/not-positive', 'lotSize must be above zero.');
  const [maker, taker] = [rate(definition.makerFee), rate(definition.takerFee)];
  if (maker > taker) {
    return refusal('request/malformed', 'makerFee must not be above takerFee.');
  }
  if (taker >= rate('1')) {
    return refusal('request/malformed', 'takerFee must be below 1: "0.001" is 0.1 %.');
  }
  const scale = scaleOf(scales, base);
  if (settlement === 'accounts' && parseUnits(lotSize, scale) === undefined) {
    return refusal('money/too-precise', `lotSize has more than the ${scale} decimals of ${base}.`);
  }
  return undefined;
}
