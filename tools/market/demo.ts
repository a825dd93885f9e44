/**
 * The demo that `npm start` runs: ten symbols are listed, a market maker for each keeps our books
 * equal to those of a recorded exchange, takers trade against them, and the money is counted.
 */
import type { Bus } from '../../runtime/bus.ts';
import type { Client } from '../../runtime/client.ts';
import type { Clock, Random } from '../../runtime/clock.ts';
import type { RecordedSymbol } from './feed.ts';
import { readHosts } from '../hosts.ts';
import { createMeter, type Meter, type Reading } from './meter.ts';
import { conserved, endow, totalsOf, withDeposits } from './money.ts';
import { playRun } from './play.ts';
import type { Progress, Run } from './progress.ts';
import type { Screen, SymbolProgress } from './screen.ts';

export interface Demo {
  readonly client: Client;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly random: Random;
  readonly market: readonly RecordedSymbol[];
  readonly progress: Progress;
  readonly screen: Screen;
}

export interface Outcome {
  readonly reading: Reading;
  /** Checksums that this process was to compare. */
  readonly expected: number;
  /** What the accounts and fees differ by from what was deposited, per asset: nothing. */
  readonly differences: readonly string[];
}

/** How far the last run came; files that speak of another cluster than this are forgotten. */
export async function stateOf(demo: Demo): Promise<'new' | 'cut-off' | 'finished'> {
  const { client, market, progress } = demo;
  const run = progress.run();
  const first = market.find(({ symbol }) => run?.done.has(symbol));
  if (run === undefined || first === undefined) return 'new';
  const listed = await client.get(`symbol/${first.symbol}`, 'definition', {});
  if (!listed.ok) {
    progress.forget();
    return 'new';
  }
  const finished = market.every(
    ({ symbol, updates }) => run.done.get(symbol)?.index === updates.length,
  );
  return finished ? 'finished' : 'cut-off';
}

/** Plays a new run, or what is left of one that was cut off. */
export async function playMarket(demo: Demo, how: 'anew' | 'on'): Promise<Outcome> {
  const { clock, market, progress } = demo;
  const run = (how === 'on' ? progress.run() : undefined) ?? (await beginRun(demo));
  const expected = updatesLeft(market, run);
  const meter = createMeter(clock.monotonic());
  await shownWhile(demo, meter, playRun({ ...demo, meter }, run));
  return {
    reading: meter.read(clock.monotonic()),
    expected,
    differences: await conserved(demo, run.expected, settleMsMax),
  };
}

export interface Resent {
  /** Answered with the text of their first reply. */
  readonly same: number;
  /** Refused, for the window in which an id's reply is kept has passed; applied they were not. */
  readonly refused: number;
  readonly other: number;
}

/** Sends the deposits of the first run again, as a client does that never got its answers. */
export async function resendDeposits({ client, progress }: Demo): Promise<Resent> {
  let [same, refused, other] = [0, 0, 0];
  for (const { actor, id, asset, amount, reply } of progress.receipts()) {
    const answer = await client.ask(actor, 'deposit', { asset, amount }, { id });
    if (JSON.stringify(answer) === reply) same++;
    else if (!answer.ok && outOfWindow.has(answer.error.code)) refused++;
    else other++;
  }
  return { same, refused, other };
}

const outOfWindow: ReadonlySet<string> = new Set([
  'runtime/stale-command',
  'runtime/already-applied',
]);

/** How long the far sides of the last trades may take to be booked. */
const settleMsMax = 10_000;

/** How long hosts have to answer when they are asked how they are. */
const hostsWaitMs = 100;

async function beginRun(demo: Demo): Promise<Run> {
  const { progress } = demo;
  // Measured before the deposits: if this is cut off, the next start measures what is there then.
  const before = await totalsOf(demo);
  const deposits = await endow(demo);
  if (deposits.length > 0) progress.keep(deposits);
  const expected = withDeposits(before, deposits);
  progress.begin(expected);
  return { expected, done: new Map() };
}

const updatesLeft = (market: readonly RecordedSymbol[], run: Run): number =>
  market.reduce(
    (sum, { symbol, updates }) => sum + updates.length - (run.done.get(symbol)?.index ?? 0),
    0,
  );

/** Shows how things stand, again and again, until the work is done; then once more. */
async function shownWhile(demo: Demo, meter: Meter, work: Promise<void>): Promise<void> {
  const { clock, screen } = demo;
  const show = async (): Promise<void> => {
    const hosts = await readHosts(demo, hostsWaitMs);
    const reading = meter.read(clock.monotonic());
    screen.show({ reading, hosts, symbols: symbolProgress(demo) });
  };
  let working = true;
  const ended = work.finally(() => void (working = false));
  // It is awaited below; until then a failure only ends the loop.
  ended.catch(() => {});
  while (working) {
    await show();
    const pause = new Promise<void>((resolve) => clock.after(screen.everyMs, resolve));
    await Promise.race([ended, pause]);
  }
  await ended;
  await show();
}

function symbolProgress({ market, progress }: Demo): SymbolProgress[] {
  const done = progress.run()?.done;
  return market.map(({ symbol, updates }) => ({
    symbol,
    played: done?.get(symbol)?.index ?? 0,
    updates: updates.length,
  }));
}
