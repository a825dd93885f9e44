/**
 * The demo as a script: for each symbol a sequence of steps, each of which brings our book to where
 * the recorded one was. Every command has a readable id that depends on its place alone, so a step
 * that was cut off is completed by playing it again: what was done is answered, the rest is done.
 */
import type { Side } from '../../contracts/execution-report.ts';
import type { Body } from '../../runtime/client.ts';
import type { LevelChange, RecordedSymbol } from './feed.ts';
import { createMirror, lotSize, type Mirror, type OrderCommand } from './mirror.ts';

export interface ScriptCommand {
  readonly id: string;
  readonly actor: string;
  readonly name: string;
  readonly body: Body;
}

/** One recorded message. A phase is sent once all of the last one is answered. */
export interface Step {
  readonly symbol: string;
  readonly index: number;
  readonly phases: readonly (readonly ScriptCommand[])[];
  /** What the book's checksum must be afterwards; the first step, the snapshot, has none. */
  readonly checksum?: number;
}

/** The recorded feed's depth: levels of each side. */
const depth = 1_000;

/** A taker trades against the best level before every so many updates. */
const strikeEvery = 25;

export const makerOf = (symbol: string) => `account/maker-${symbol}` as const;
export const takerOf = (symbol: string) => `account/taker-${symbol}` as const;

/**
 * The demo's steps of one symbol: opening it, then one for each recorded update. `run` names this
 * playing of the recording: another one needs ids of its own.
 */
export function* scriptOf(recorded: RecordedSymbol, run: string): Generator<Step> {
  const { symbol, tickSize, snapshot, updates } = recorded;
  const mirror = createMirror({ symbol, tickSize, depth, label: run });
  const step = (index: number, phases: readonly (readonly Draft[])[]): Step => {
    let count = 0;
    const prefix = `demo-${run}-${symbol}-${String(index).padStart(6, '0')}`;
    const number = (draft: Draft): ScriptCommand => ({ id: `${prefix}-${count++}`, ...draft });
    return { symbol, index, phases: phases.map((phase) => phase.map(number)) };
  };
  yield step(0, [...opening(recorded), ...makerPhases(symbol, mirror, snapshot)]);
  for (const [position, { changes, checksum }] of updates.entries()) {
    const index = position + 1;
    const trades = index % strikeEvery === 0 ? strike(symbol, mirror, index / strikeEvery) : [];
    yield { ...step(index, [...trades, ...makerPhases(symbol, mirror, changes)]), checksum };
  }
}

type Draft = Omit<ScriptCommand, 'id'>;

/** Lists the symbol, and clears what an earlier run left in its book. */
function opening({ symbol, base, quote, tickSize }: RecordedSymbol): Draft[][] {
  const fees = { makerFee: '0.001', takerFee: '0.002' };
  const definition = { base, quote, tickSize, lotSize, ...fees, settlement: 'accounts' };
  return [
    [{ actor: `symbol/${symbol}`, name: 'list', body: definition }],
    [{ actor: makerOf(symbol), name: 'cancel-all', body: { symbol } }],
  ];
}

const makerPhases = (symbol: string, mirror: Mirror, changes: readonly LevelChange[]): Draft[][] =>
  mirror.apply(changes).map((phase) => phase.map((order) => draft(makerOf(symbol), order)));

/** Sides and shares take turns, so that money and holdings move both ways. */
function strike(symbol: string, mirror: Mirror, count: number): Draft[][] {
  const side: Side = count % 2 === 0 ? 'buy' : 'sell';
  const trade = mirror.strike(side, count % 4 < 2 ? 'half' : 'all');
  if (trade === undefined) return [];
  return [[draft(takerOf(symbol), trade.take)], [draft(makerOf(symbol), trade.restore)]];
}

const draft = (actor: string, { name, ...body }: OrderCommand): Draft => ({ actor, name, body });
