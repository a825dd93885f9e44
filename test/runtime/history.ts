import type { Json, JsonObject } from '../../contracts/json.ts';
import type { Archive } from '../../runtime/archive.ts';
import type { Limits } from '../../runtime/limits.ts';
import type { Log } from '../../runtime/log.ts';
import type { Received } from '../../runtime/outbox.ts';
import type { Partition } from '../../runtime/partition.ts';
import type { PartitionStatus } from '../../runtime/partition-status.ts';
import { LogDamaged } from '../../runtime/recovery.ts';
import type { SentCommand } from '../../tools/checkers/evidence.ts';
import { Rig, type Answered, type CommandRequest, type Fate } from './rig.ts';

/** Whose purses there are. */
export const names = ['ann', 'bob', 'cyd', 'dan', 'eve'] as const;

/** What happens next. */
export type Step =
  | { readonly kind: 'put'; readonly who: string; readonly coins: number; readonly id: number }
  | {
      readonly kind: 'give' | 'send';
      readonly who: string;
      readonly to: string;
      readonly coins: number;
      readonly id: number;
    }
  | {
      readonly kind: 'promise';
      readonly who: string;
      readonly to: string;
      readonly coins: number;
      readonly inMs: number;
      readonly id: number;
    }
  | {
      readonly kind: 'withdraw-promise';
      readonly who: string;
      readonly to: string;
      readonly id: number;
    }
  /** A command that was sent before, to whoever once owned its partition. */
  | { readonly kind: 'ask-former'; readonly nth: number }
  | { readonly kind: 'crash' | 'usurp' | 'stop' | 'stop-slowly'; readonly partition: number }
  | { readonly kind: 'late' }
  | { readonly kind: 'settle'; readonly rounds: number };

/** What becomes of a call to the store other than an append. */
export type Trouble = 'none' | 'before' | 'after';
/** What becomes of a delivery between partitions; `again` repeats it at the next `late` step. */
export type Carriage = 'once' | 'twice' | 'lost' | 'unanswered' | 'again';

/** What fails, in turn. */
export interface Faults {
  readonly fates: readonly Fate[];
  readonly troubles: readonly Trouble[];
  readonly carriages: readonly Carriage[];
}

/** So little stays in the logs that most of a run is archived. */
export const shortLogs = { retainBytesMax: 2_000, replyWindowMs: 100 };

/** One run: the rig, what was sent, and what was answered. */
export class History {
  readonly rig: Rig;
  readonly wrong: string[] = [];
  /** How many repeats found that their reply had left the log. */
  alreadyApplied = 0;
  readonly #sent = new Map<string, CommandRequest>();
  readonly #replies = new Map<string, string>();
  #again: (() => Promise<Received>)[] = [];
  #faulty = true;

  constructor({ fates, troubles, carriages }: Faults, limits: Partial<Limits> = {}) {
    const [fate, trouble, carriage] = [
      inTurn(fates, 'good'),
      inTurn(troubles, 'none'),
      inTurn(carriages, 'once'),
    ];
    this.rig = new Rig({
      limits: { residentsMax: 2, checkpointRecords: 5, recentRepliesMax: 3, ...limits },
      fate: () => (this.#faulty ? fate() : 'good'),
      intercept: (call, carryOut) => this.#call(call, carryOut, trouble),
      archive: (archive) => this.#troubled(archive, trouble),
      carry: (_, carryOut) => this.#carry(carryOut, carriage),
    });
  }

  async begin(): Promise<void> {
    for (let each = 0; each < this.rig.partitions; each++) await this.#start(each);
    for (const who of names) this.#send(`${who} first`, this.rig.purse(who), 'put', { coins: 100 });
    await this.rig.settle(20);
  }

  async perform(step: Step): Promise<void> {
    const { rig } = this;
    switch (step.kind) {
      case 'put':
      case 'give':
      case 'send': {
        const { kind, who, coins: some } = step;
        const body = kind === 'put' ? { coins: some } : { coins: some, to: step.to };
        this.#send(`${who} ${step.id}`, rig.purse(who), kind, body);
        return;
      }
      case 'promise': {
        const { who, to, coins, inMs } = step;
        this.#send(`${who} ${step.id}`, rig.purse(who), 'promise', { to, coins, inMs });
        return;
      }
      case 'withdraw-promise': {
        const { who, to } = step;
        this.#send(`${who} ${step.id}`, rig.purse(who), 'withdraw-promise', { to });
        return;
      }
      case 'ask-former': {
        const [key, request] = [...this.#sent][step.nth % this.#sent.size] ?? [];
        if (key === undefined || request === undefined) return;
        const home = rig.home(request.actor);
        for (const former of rig.former.filter(({ status }) => status.partition === home))
          this.#heed(key, rig.submit(former, request));
        return;
      }
      case 'crash':
        rig.crash(step.partition);
        await this.#start(step.partition);
        return;
      case 'stop':
        await rig.within(rig.open.get(step.partition)?.stop() ?? Promise.resolve());
        rig.crash(step.partition);
        await this.#start(step.partition);
        return;
      case 'stop-slowly':
        void rig.open.get(step.partition)?.stop();
        await rig.turns(3);
        await this.#start(step.partition);
        return;
      case 'usurp':
        await this.#start(step.partition);
        return;
      case 'late':
        for (const group of rig.late.splice(0)) await rig.store.log.append(group);
        for (const again of this.#again.splice(0)) void again().catch(() => undefined);
        return;
      case 'settle':
        await rig.settle(step.rounds);
        for (const each of [...rig.open.values(), ...rig.former]) this.#tick(each);
        return;
    }
  }

  /** From here on nothing fails; what is under way comes to its end. */
  async heal(): Promise<void> {
    this.#faulty = false;
    for (let each = 0; each < this.rig.partitions; each++)
      if (!this.rig.open.has(each)) await this.#start(each);
    await this.#drain();
  }

  /** Every command once more: it has an answer, the same as before or, once that has left the log, where it was. */
  async repeatAll(): Promise<void> {
    for (const [key, { actor, name: command, body, id: known }] of this.#sent) {
      const again = await this.rig.within(this.rig.command(actor, command, body, known));
      if (again === undefined) this.wrong.push(`${key}: no answer`);
      else this.#compare(key, again);
    }
    await this.#drain();
  }

  async coins(): Promise<number[]> {
    const owned = await this.#ask('coins');
    return owned.map((one) => (one as { coins: number }).coins);
  }

  /** Of each purse, what it has promised and neither given nor withdrawn. */
  promises(): Promise<(Json | undefined)[]> {
    return this.#ask('promises');
  }

  /** What was sent, and what it was told. */
  get commands(): SentCommand[] {
    return [...this.#sent].map(([key, { actor, name: command, body = {}, id: known = '' }]) => {
      const reply = this.#replies.get(key);
      return { actor, name: command, body, id: known, replies: reply === undefined ? [] : [reply] };
    });
  }

  #ask(query: string): Promise<(Json | undefined)[]> {
    const { rig } = this;
    return Promise.all(names.map((who) => rig.within(rig.read(rig.purse(who), query))));
  }

  #send(key: string, actor: CommandRequest['actor'], command: string, body: JsonObject): void {
    const request = this.#sent.get(key) ?? { actor, name: command, body, id: `id-${key}` };
    this.#sent.set(key, request);
    this.#heed(key, this.rig.submit(this.rig.open.get(this.rig.home(actor)), request));
  }

  #heed(key: string, reply: Promise<Answered>): void {
    void reply.then((answered) => this.#compare(key, answered));
  }

  #compare(key: string, { text, code }: Answered): void {
    if (code === 'runtime/pending' || code === 'runtime/busy') return;
    const first = this.#replies.get(key);
    if (code === 'runtime/already-applied') {
      this.alreadyApplied++;
      if (first !== undefined && addressIn(text) !== addressIn(first))
        this.wrong.push(`${key}: first ${first}, then applied elsewhere: ${text}`);
      return;
    }
    this.#replies.set(key, first ?? text);
    if (first !== undefined && text !== first)
      this.wrong.push(`${key}: first ${first}, then ${text}`);
  }

  /** As a host does: housekeeping, and what was published has arrived. */
  #tick(owner: Partition): void {
    owner.publisher.confirm(owner.publisher.published);
    owner.tick();
  }

  /** As a host does: what fails to open is tried again, under a new epoch; damage is not. */
  async #start(each: number): Promise<void> {
    const faulty = this.#faulty;
    for (let tries = 1; ; tries++) {
      this.#faulty = faulty && tries < 4;
      const failure = await this.rig.start(each).then(
        () => undefined,
        (error: unknown) => error,
      );
      this.#faulty = faulty;
      if (failure === undefined) return;
      if (failure instanceof LogDamaged) throw failure;
    }
  }

  #troubled(archive: Archive, trouble: () => Trouble): Archive {
    return {
      read: archive.read,
      write: (partition, entries) =>
        this.#carryOut(() => archive.write(partition, entries), this.#faulty ? trouble() : 'none'),
    };
  }

  #call(
    call: keyof Log,
    carryOut: () => Promise<unknown>,
    trouble: () => Trouble,
  ): Promise<unknown> {
    return this.#carryOut(carryOut, this.#faulty && call !== 'append' ? trouble() : 'none');
  }

  async #carryOut<T>(carryOut: () => Promise<T>, now: Trouble): Promise<T> {
    if (now === 'before') throw new Error('the connection broke');
    const outcome = await carryOut();
    if (now === 'after') throw new Error('the connection broke before the answer');
    return outcome;
  }

  async #carry(carryOut: () => Promise<Received>, carriage: () => Carriage): Promise<Received> {
    const now = this.#faulty ? carriage() : 'once';
    if (now === 'lost') throw new Error('the delivery is lost');
    if (now === 'again') this.#again.push(carryOut);
    const [received] = await Promise.all([carryOut(), now === 'twice' && carryOut()]);
    if (now === 'unanswered') throw new Error('the answer is lost');
    return received;
  }

  /** Until nothing moves any more: nothing is staged or due, and the logs have stopped growing. */
  async #drain(): Promise<void> {
    const sum = (of: (status: PartitionStatus) => number): number =>
      [...this.rig.open.values()].reduce((total, { status }) => total + of(status), 0);
    const tops = (): number => sum(({ position, lag }) => position + lag);
    for (let before = -1; before !== tops() || sum(({ timers }) => timers) > 0;) {
      before = tops();
      for (let stretch = 0; stretch < 10; stretch++) {
        for (const each of this.rig.open.values()) this.#tick(each);
        await this.rig.settle(10);
      }
    }
  }
}

const addressIn = (reply: string): unknown => (JSON.parse(reply) as { at?: string }).at;

/** Gives one fault after the other, and begins again after the last. */
const inTurn = <T>(all: readonly T[], otherwise: T): (() => T) => {
  let next = 0;
  return () => all[next++ % all.length] ?? otherwise;
};
