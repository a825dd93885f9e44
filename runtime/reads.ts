/**
 * Answers that rest on state rather than on a record of their own: queries, and refusals that are
 * not recorded. Linearizable: each is sent only when
 * R1  the records that it saw are durable, and
 * R2  a check of the fence that began after it arrived has succeeded: the next append, or else one
 *     read-only check for all that wait.
 * A host that has lost its partition therefore answers nothing.
 */
import type { Clock } from './clock.ts';
import type { GroupWriter } from './group-writer.ts';
import type { Limits } from './limits.ts';
import type { Fence, Log } from './log.ts';

export interface ReadsOptions {
  readonly log: Log;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly fence: Fence;
  readonly writer: GroupWriter;
  readonly onFenced: () => void;
}

interface Waiting {
  /** R1: what the answer saw. */
  readonly position: number;
  send(): void;
}

export class Reads {
  readonly #options: ReadsOptions;
  #waiting: Waiting[] = [];
  #count = 0;
  #checking = false;
  #closed = false;

  constructor(options: ReadsOptions) {
    this.#options = options;
  }

  get idle(): boolean {
    return this.#count === 0;
  }

  get size(): number {
    return this.#count;
  }

  get full(): boolean {
    return this.#count >= this.#options.limits.readsMax;
  }

  /** Sends an answer that was formed from the state as it is now. */
  after(send: () => void): void {
    const { writer } = this.#options;
    this.#count++;
    const counted = (): void => {
      this.#count--;
      send();
    };
    if (writer.hasOpen) {
      writer.whenDurable(writer.staged, counted);
      return;
    }
    this.#waiting.push({ position: writer.staged, send: counted });
    this.#wake();
  }

  close(): void {
    this.#closed = true;
    this.#waiting = [];
  }

  #wake(): void {
    if (this.#checking || this.#closed) return;
    this.#checking = true;
    this.#options.clock.soon(() => void this.#check());
  }

  async #check(): Promise<void> {
    const { log, fence, writer, clock, onFenced } = this.#options;
    while (this.#waiting.length > 0 && !this.#closed) {
      const batch = this.#waiting.splice(0);
      const holds = await log.check([fence]).then(
        ([first]) => first,
        () => undefined,
      );
      if (this.#closed) return;
      if (holds === false) {
        this.close();
        onFenced();
        return;
      }
      if (holds === undefined) {
        this.#waiting.unshift(...batch);
        await new Promise<void>((resolve) => void clock.after(50, resolve));
        continue;
      }
      for (const waiting of batch) writer.whenDurable(waiting.position, waiting.send);
    }
    this.#checking = false;
  }
}
