/**
 * What clients and operators ask of a partition that is served: told busy before anything is
 * appended, or given its actor and its turn.
 */
import type { OperatorRequest } from '../contracts/operator.ts';
import { refusal, success, type Reply } from '../contracts/reply.ts';
import { answer, type Caller, type Command, type Read } from './command.ts';
import type { Limits } from './limits.ts';
import { liveStates } from './live-states.ts';
import { addressCitedBy } from './log-search.ts';
import type { Parts } from './parts.ts';
import type { Known, Logged } from './recall.ts';
import { stateOf, type Resident } from './resident.ts';

export class Admission {
  readonly #parts: Parts;
  readonly #limits: Limits;
  readonly #isServing: () => boolean;

  constructor(parts: Parts, limits: Limits, isServing: () => boolean) {
    this.#parts = parts;
    this.#limits = limits;
    this.#isServing = isServing;
  }

  /** Whether nothing that is recorded may begin. */
  get busy(): boolean {
    return (
      this.#parts.writer.full ||
      this.#parts.residents.full ||
      this.#parts.reads.full ||
      this.#parts.checkpointer.behind ||
      this.#parts.retention.behind
    );
  }

  /**
   * How many deadlines may be taken now. Under overload they are few, not none: what they end holds
   * money. Only a log that does not answer, or is too far behind, makes them wait.
   */
  get deadlinesAtOnce(): number {
    const { timersAtOnce, timersAtOnceBusy } = this.#limits;
    if (!this.busy) return timersAtOnce;
    return this.#parts.writer.overfull ? 0 : timersAtOnceBusy;
  }

  /** Takes a client's command; its caller is answered once. */
  submit(command: Command): void {
    if (this.busy) answer(command.caller, refusal('runtime/busy'));
    else this.#parts.residents.with(command.actor, (resident) => this.#command(command, resident));
  }

  read(read: Read): void {
    const { caller } = read;
    if (this.#parts.reads.full || this.#parts.residents.full) {
      answer(caller, refusal('runtime/busy'));
      return;
    }
    this.#parts.residents.with(read.actor, (resident) => {
      const reply = attempt(() => read.query.read(stateOf(resident), read.body));
      this.#parts.reads.after(() => answer(caller, reply));
    });
  }

  attend(request: OperatorRequest, caller: Caller): void {
    const { reads, residents, retries } = this.#parts;
    if (request.verb !== 'states') {
      if (this.busy) answer(caller, refusal('runtime/busy'));
      else retries.handle(request, caller);
    } else if (reads.full) {
      answer(caller, refusal('runtime/busy'));
    } else {
      const found = success(liveStates(residents, request.actors));
      reads.after(() => answer(caller, found));
    }
  }

  #command(command: Command, resident: Resident): void {
    const key = this.#parts.recall.keyOf(command);
    const known = this.#parts.recall.find(key);
    const cites = known.kind === 'new' && addressCitedBy(command) !== undefined;
    if (known.kind !== 'logged' && !cites)
      this.#parts.turn.command({ command, key, known }, resident);
    else if (this.#parts.search.full) answer(command.caller, refusal('runtime/busy'));
    else void this.#askLog(command, known);
  }

  /** The id is known, or another's looks like it; or the command cites a record: the log tells. */
  async #askLog(command: Command, before: Known | Logged): Promise<void> {
    const { search } = this.#parts;
    const known = before.kind === 'logged' ? search.known(command, before.positions) : before;
    const found = await Promise.all([known, search.cited(command)]).catch(() => undefined);
    if (!this.#isServing()) return;
    if (found === undefined) {
      answer(command.caller, refusal('runtime/busy'));
      return;
    }
    this.#parts.residents.with(command.actor, (resident) => {
      const key = this.#parts.recall.keyOf(command);
      const now = this.#parts.recall.find(key);
      const [logged, cited] = found;
      // Answered by now, and out of memory again.
      if (now.kind === 'logged' && !hasAsked(before, now)) return void this.#askLog(command, now);
      const known = now.kind === 'logged' ? logged : now;
      this.#parts.turn.command({ command, key, known, cited }, resident);
    });
  }
}

/** Whether the log has been asked for all that it can tell now. */
const hasAsked = (before: Known | Logged, now: Logged): boolean =>
  before.kind === 'logged' && now.positions.every((one) => before.positions.includes(one));

/** A query that throws is our bug; it changed nothing. */
function attempt(read: () => Reply): Reply {
  try {
    return read();
  } catch {
    return refusal(
      'runtime/quarantined',
      'The query failed on the state of this actor; nothing was changed.',
    );
  }
}
