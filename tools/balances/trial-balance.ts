/**
 * A trial balance: every actor of a cluster is built again from its first record to a cut, and what
 * all of them own, what is under way between them and what came from outside must come to nothing.
 *
 * Owns the actors as the records before the cut make them, and the messages that are parked.
 */
import type { Instance } from '../../actors/actor.ts';
import { splitActorKey, typeOf, type ActorKey } from '../../contracts/ids.ts';
import { formatUnits, scaleOf, type Scales, type Value } from '../../contracts/money.ts';
import type { LogRecord, Message } from '../../contracts/record.ts';
import type { ActorTypes } from '../../runtime/command.ts';
import { partitionType } from '../../runtime/reference-data.ts';
import type { LogSources, Placed } from '../../runtime/whole-log.ts';
import { ledgerFault } from '../checkers/ledger.ts';
import { exact } from '../checkers/sums.ts';
import { CausalWalk } from '../verify/causal-walk.ts';

export interface TrialBalanceOptions extends LogSources {
  readonly partitions: number;
  readonly types: ActorTypes;
  readonly scales: Scales;
  readonly within: (placed: Placed) => boolean;
  readonly onProgress?: (records: number) => void;
}

/** One asset's lines; amounts are decimal strings, what came from outside is negative. */
export interface AssetBalance {
  readonly lines: { readonly [line: string]: string };
  readonly sum: string;
}

export interface TrialBalance {
  readonly records: number;
  readonly actors: number;
  /** Sent and not yet applied, parked ones too. */
  readonly messagesUnderWay: number;
  readonly assets: { readonly [asset: string]: AssetBalance };
  /** Whether every sum is zero and nothing else was found wrong. */
  readonly balanced: boolean;
  readonly wrong: readonly string[];
}

const outside = 'deposits less withdrawals';

/** Reads all logs up to the cut, in the order in which what happened depends on each other. */
export async function trialBalance(options: TrialBalanceOptions): Promise<TrialBalance> {
  const auditor = new Auditor(options);
  await auditor.run();
  return auditor.balance();
}

interface Audited {
  readonly actor: ActorKey;
  readonly instance: Instance;
  version: number;
}

class Auditor {
  readonly #options: TrialBalanceOptions;
  readonly #walk: CausalWalk;
  readonly #actors = new Map<ActorKey, Audited>();
  /** By partition and position of the record that parked them. */
  readonly #parked = new Map<string, Message>();
  readonly #lines = new Map<string, Map<string, bigint>>();
  readonly #wrong: string[] = [];

  constructor(options: TrialBalanceOptions) {
    this.#options = options;
    this.#walk = new CausalWalk({
      ...options,
      visit: (placed, message) => this.#visit(placed, message),
      onBroken: (sentence) => void this.#wrong.push(sentence),
    });
  }

  run(): Promise<void> {
    return this.#walk.run();
  }

  balance(): TrialBalance {
    const underWay = [...this.#walk.underWay()];
    for (const { name, value } of underWay) this.#add(`under way: ${name}`, value);
    for (const { name, value } of this.#parked.values()) this.#add(`parked: ${name}`, value);
    for (const audited of this.#actors.values()) this.#audit(audited);
    const { scales } = this.#options;
    const assets = [...this.#lines].toSorted(([a], [b]) => (a < b ? -1 : 1));
    const balances = assets.map(([asset, lines]): [string, AssetBalance] => {
      const text = (units: bigint): string => amountText(units, scaleOf(scales, asset));
      const sum = [...lines.values()].reduce((one, other) => one + other, 0n);
      const texts = [...lines].toSorted(inOrder).map(([line, units]) => [line, text(units)]);
      return [asset, { lines: Object.fromEntries(texts), sum: text(sum) }];
    });
    const even = balances.every(([, { sum }]) => exact(sum) === 0n);
    return {
      records: this.#walk.visited,
      actors: this.#actors.size,
      messagesUnderWay: underWay.length + this.#parked.size,
      assets: Object.fromEntries(balances),
      balanced: even && this.#wrong.length === 0,
      wrong: this.#wrong,
    };
  }

  #visit({ partition, position, at, record }: Placed, message: Message | undefined): void {
    this.#add(outside, record.external, -1n);
    if (record.aside && message) this.#parked.set(`${partition} ${position}`, message);
    if (isRetriedMessage(record)) this.#parked.delete(`${partition} ${record.retried}`);
    const { type: name } = splitActorKey(record.actor);
    if (record.events === undefined || name === partitionType) return;
    const audited = this.#actors.get(record.actor) ?? this.#begin(record.actor);
    try {
      for (const event of record.events) audited?.instance.evolve(event);
    } catch (error) {
      this.#wrong.push(`${at} (${record.actor}): its events do not fit: ${String(error)}`);
    }
    if (audited) audited.version = record.version;
  }

  #begin(actor: ActorKey): Audited | undefined {
    const type = this.#options.types.get(typeOf(actor));
    if (type === undefined) {
      this.#wrong.push(`${actor}: its actor type is unknown`);
      return undefined;
    }
    const audited = { actor, instance: type.start(), version: 0 };
    this.#actors.set(actor, audited);
    return audited;
  }

  /** An actor's ledger, which must come to its holdings. */
  #audit({ actor, instance, version }: Audited): void {
    const type = this.#options.types.get(typeOf(actor));
    if (type === undefined) return;
    const state = { value: instance.value, context: instance.context, version };
    for (const [line, value] of Object.entries(type.ledger(state))) this.#add(line, value);
    const fault = ledgerFault(type, state);
    if (fault !== undefined) this.#wrong.push(`${actor}: ${fault}`);
  }

  #add(line: string, value: Value | undefined, sign = 1n): void {
    if (value === undefined) return;
    for (const [asset, amount] of Object.entries(value)) {
      const lines = this.#lines.get(asset) ?? new Map<string, bigint>();
      this.#lines.set(asset, lines);
      lines.set(line, (lines.get(line) ?? 0n) + exact(amount) * sign);
    }
  }
}

const isRetriedMessage = ({ retried, id }: LogRecord): boolean =>
  retried !== undefined && id === undefined;

/** What is owned first, then what is under way, then the other side of it all. */
function inOrder([one]: readonly [string, bigint], [other]: readonly [string, bigint]): number {
  const rank = (line: string): string =>
    `${line === outside ? 3 : line.includes(':') ? 2 : 1}${line === 'available' ? '' : line}`;
  return rank(one) < rank(other) ? -1 : 1;
}

/** Sums are integers of 10⁻¹⁸; an asset has fewer decimals, and more only if something is wrong. */
function amountText(units: bigint, scale: number): string {
  const text = formatUnits(units, 18);
  const fraction = text.slice(-18);
  const point = scale === 0 ? -19 : scale - 18;
  if (scale === 18 || /[1-9]/.test(fraction.slice(scale))) return text;
  return text.slice(0, point);
}
