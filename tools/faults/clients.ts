/**
 * Clients that move money, trade and repeat themselves while everything breaks, and write down what
 * they sent and every reply that they got.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { actorKey, type ActorKey } from '../../contracts/ids.ts';
import type { Json } from '../../contracts/json.ts';
import { WireReply } from '../../contracts/reply.ts';
import { subjectsUnder } from '../../contracts/subjects.ts';
import { TransferProtocol } from '../../contracts/transfer.ts';
import type { Bus } from '../../runtime/bus.ts';
import type { SentCommand } from '../checkers/evidence.ts';
import { prefix } from './stage.ts';

/** A whole number from 0 up to, not including, `end`. */
type Below = (end: number) => number;

/** A command that was sent, with what it was told so far. */
export interface Sent extends SentCommand {
  readonly replies: string[];
  /** On the monotonic clock. */
  readonly sentAt: number;
  /** Whether a reply told what became of it. */
  settled: boolean;
}

const answerMs = 2_000;
const againMs = 30;
/** A lease, its take-over, and some. */
const noteworthyMs = 8_000;
/** Repeats come while the promised window (15 minutes) surely remembers. */
const repeatMsMax = 300_000;
const subjects = subjectsUnder(prefix);

export interface CrowdOptions {
  /** Once aborted they begin nothing more. */
  readonly ending: AbortSignal;
  readonly tell: (line: string) => void;
}

/** What all clients of a run share: one connection, one list of what was sent. */
export class Crowd {
  readonly sent: Sent[] = [];
  /** Sentences: a read that missed what was acknowledged before it was asked. */
  readonly staleReads: string[] = [];
  /** Requests that ended without an answer: nobody knew what had become of them. */
  unknownFates = 0;
  acknowledged = 0;
  /** The longest time in which nobody got any outcome. */
  longestSilenceMs = 0;
  #lastAt = performance.now();
  readonly #bus: Bus;
  readonly #below: Below;
  readonly #ending: AbortSignal;
  readonly #tell: (line: string) => void;

  constructor(bus: Bus, below: Below, { ending, tell }: CrowdOptions) {
    this.#tell = tell;
    this.#bus = bus;
    this.#below = below;
    this.#ending = ending;
  }

  /** Lists the symbol and funds the traders; resolves when all of it is done. */
  async open(): Promise<void> {
    await this.#settle(this.#command(actorKey('symbol', symbol), 'list', definition, 'list'));
    for (const trader of traders)
      for (const asset of ['USD', 'BTC']) {
        const body = { asset, amount: '100000' };
        await this.#settle(this.#command(trader, 'deposit', body, `open-${asset}`));
      }
  }

  /** Acts until the end is asked for. */
  async act(): Promise<void> {
    this.#lastAt = performance.now();
    await Promise.all([
      ...counters.map((account) => this.#count(account)),
      ...traders.map((account, n) => this.#trade(account, n)),
      this.#repeat(),
    ]);
  }

  /** Asks everything again whose outcome nobody knows yet, and what was sent of late once more. */
  async settleAll(): Promise<void> {
    const now = performance.now();
    const due = this.sent.filter((sent) => !sent.settled || now - sent.sentAt < repeatMsMax / 5);
    for (let from = 0; from < due.length; from += 200)
      await Promise.all(due.slice(from, from + 200).map((sent) => this.#settle(sent, true)));
  }

  /** Cancels every order and releases the latest holds; those before have expired. Nothing may stay held. */
  async cancelAll(): Promise<void> {
    for (const trader of traders)
      await this.#settle(this.#command(trader, 'cancel-all', {}, 'the-end'), true);
    for (const { actor, body, id } of this.sent.filter(isHold).slice(-lastHolds))
      await this.#settle(
        this.#command(actor, 'release', { holdId: body.holdId }, `end-${id}`),
        true,
      );
  }

  /** One deposit after the other, and reads that must see those acknowledged. */
  async #count(account: ActorKey): Promise<void> {
    for (let count = 0; !this.#ending.aborted;) {
      const body = { asset: 'KRW', amount: '1' };
      const sent = this.#command(account, 'deposit', body, `d${count}`);
      await this.#settle(sent);
      if (!sent.settled) return;
      count++;
      if (count % 5 === 0) await this.#read(account, count);
      await pause(20);
    }
  }

  async #read(account: ActorKey, count: number): Promise<void> {
    const reply = await this.#ask('get', account, 'balance', {}).catch(() => undefined);
    if (reply === undefined) return;
    const read = WireReply.parse(JSON.parse(reply));
    if (!read.ok) return;
    const text = JSON.stringify(read.result);
    if (!text.includes(`"available":"${count}"`))
      this.staleReads.push(`${account} had ${count} acknowledged deposits, and showed ${text}`);
  }

  async #trade(account: ActorKey, n: number): Promise<void> {
    for (let count = 0; !this.#ending.aborted; count++) {
      const id = `t${n}-${count}`;
      const action = this.#below(10);
      if (action < 6)
        await this.#settle(this.#command(account, 'place-order', this.#order(id), id));
      else if (action < 7) {
        const body = { origClOrdId: `t${n}-${Math.max(0, count - 1 - this.#below(4))}` };
        await this.#settle(this.#command(account, 'cancel-order', body, id));
      } else if (action < 8) {
        await this.#enter(account, 'transfer', this.#transfer(), id);
      } else if (action < 9) {
        await this.#hold(account, id);
      } else {
        const body = { asset: 'USD', amount: `${1 + this.#below(9)}.25` };
        const name = this.#below(2) === 0 ? 'deposit' : 'withdraw';
        await this.#enter(account, name, body, id);
      }
      await pause(30);
    }
  }

  /** Moves money, and one time in three takes it back by a reversal, which may be refused. */
  async #enter(account: ActorKey, name: string, body: Json, id: string): Promise<void> {
    const sent = this.#command(account, name, body, id);
    await this.#settle(sent);
    const of = addressOf(sent);
    if (of === undefined || this.#below(3) > 0) return;
    await this.#settle(this.#command(account, 'reverse', { of }, `${id}-reverse`));
  }

  /** Holds, and captures, releases, or leaves it to its expiry, which may also come first. */
  async #hold(account: ActorKey, holdId: string): Promise<void> {
    const to = `trader-${this.#below(traders.length)}`;
    const expiresAt = Date.now() + 100 + this.#below(3_000);
    const body = { holdId, asset: 'USD', amount: `${1 + this.#below(9)}.25`, to, expiresAt };
    await this.#settle(this.#command(account, 'hold', body, holdId));
    const end = this.#below(3);
    if (end === 0) return;
    const name = end === 1 ? 'capture' : 'release';
    await this.#settle(this.#command(account, name, { holdId }, `${holdId}-${name}`));
  }

  #transfer(): Json {
    return {
      to: `trader-${this.#below(traders.length)}`,
      asset: ['USD', 'BTC'][this.#below(2)] ?? 'USD',
      amount: `${1 + this.#below(9)}.25`,
      protocol: TransferProtocol.options[this.#below(TransferProtocol.options.length)] ?? 'tcc',
    };
  }

  #order(clOrdId: string): Json {
    return {
      clOrdId,
      symbol,
      side: this.#below(2) === 0 ? 'buy' : 'sell',
      type: 'limit',
      timeInForce: this.#below(4) === 0 ? 'IOC' : 'GTC',
      price: `${95 + this.#below(11)}.${10 + this.#below(90)}`,
      quantity: `0.${1_000 + this.#below(9_000)}`,
    };
  }

  /** Commands that were answered before, by chance: they must get the same bytes. */
  async #repeat(): Promise<void> {
    while (!this.#ending.aborted) {
      const sent = this.sent[this.sent.length - 1 - this.#below(Math.min(this.sent.length, 5_000))];
      if (sent?.settled && performance.now() - sent.sentAt < repeatMsMax)
        await this.#settle(sent, true);
      await pause(20);
    }
  }

  #command(actor: ActorKey, name: string, body: Json, id: string): Sent {
    const sent: Sent = {
      actor,
      name,
      body,
      id,
      replies: [],
      sentAt: performance.now(),
      settled: false,
    };
    this.sent.push(sent);
    return sent;
  }

  /** Sends until a reply tells the outcome, or, unless it must be had, until the end is asked for. */
  async #settle(sent: Sent, insist = false): Promise<void> {
    while (insist || !this.#ending.aborted) {
      const { actor, name, body, id } = sent;
      const text = await this.#ask('cmd', actor, name, body, id).catch(() => undefined);
      if (text === undefined) this.unknownFates++;
      else if (isOutcome(text)) {
        this.#note(sent, text);
        return;
      }
      await pause(againMs);
    }
  }

  #note(sent: Sent, text: string): void {
    // Repeats that are right need no room: a run sends hundreds of thousands.
    if (sent.replies.at(-1) !== text) sent.replies.push(text);
    if (!sent.settled) this.acknowledged++;
    sent.settled = true;
    const now = performance.now();
    const silenceMs = now - this.#lastAt;
    if (!this.#ending.aborted) this.longestSilenceMs = Math.max(this.longestSilenceMs, silenceMs);
    if (silenceMs > noteworthyMs)
      this.#tell(`no outcome for ${Math.round(silenceMs)} ms, until now`);
    this.#lastAt = now;
  }

  async #ask(
    verb: 'cmd' | 'get',
    actor: ActorKey,
    name: string,
    body: Json,
    id?: string,
  ): Promise<string> {
    const subject = subjects.request(verb, actor, name);
    const headers = id === undefined ? {} : { 'Nats-Msg-Id': id };
    const options = { timeoutMs: answerMs, headers };
    const { payload } = await this.#bus.request(subject, JSON.stringify(body), options);
    return new TextDecoder().decode(payload);
  }
}

/** More than can be open at once, when each expires after some three seconds. */
const lastHolds = 400;

const isHold = (sent: Sent): sent is Sent & { readonly body: { readonly holdId: string } } =>
  sent.name === 'hold';

const symbol = 'FAULT';
const counters = Array.from({ length: 24 }, (_, n) => actorKey('account', `counter-${n}`));
const traders = Array.from({ length: 16 }, (_, n) => actorKey('account', `trader-${n}`));
const definition = {
  base: 'BTC',
  quote: 'USD',
  tickSize: '0.01',
  lotSize: '0.0001',
  makerFee: '0.001',
  takerFee: '0.002',
  settlement: 'accounts',
};

/** Where the log has what a command did. */
function addressOf({ replies }: Sent): string | undefined {
  const [text] = replies;
  if (text === undefined) return undefined;
  const reply = WireReply.parse(JSON.parse(text));
  return reply.ok ? reply.at : undefined;
}

function isOutcome(text: string): boolean {
  const reply = WireReply.parse(JSON.parse(text));
  return reply.ok || !reply.error.retryable;
}
