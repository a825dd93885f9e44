/**
 * One client's use of the bus: requests and pauses that end early when the connection was lost and
 * is back, when the caller's signal aborts, or when the client is closed; and the retry loop.
 */
import type { Refusal } from '../contracts/reply.ts';
import type { Bus, BusMessage, RequestOptions } from './bus.ts';
import { NoResponders, RequestTimeout } from './bus.ts';
import { ClientClosed, type LastTry } from './client-failures.ts';
import { isRetried, pauseMsMax, type RetryPolicy } from './client-retry.ts';
import type { Clock, Random } from './clock.ts';

/** What one attempt came to; `unknown` says that it may have been carried out all the same. */
export type Tried<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'again'; readonly unknown: boolean; readonly why: LastTry };

export type Retried<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'gave-up'; readonly unknown: boolean; readonly why?: LastTry };

/** When to stop: a point of the monotonic clock, or the caller's signal. */
export interface Until {
  readonly deadline: number;
  readonly signal?: AbortSignal | undefined;
}

export interface LineOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly random: Random;
  readonly policy: RetryPolicy;
}

export class Line {
  readonly #options: LineOptions;
  readonly #waiting = new Set<Waiting>();
  #closed: ClientClosed | undefined;

  constructor(options: LineOptions) {
    this.#options = options;
    // A reply that was sent while we were disconnected is lost: ask again at once.
    options.bus.onReconnect(() => {
      for (const waiting of [...this.#waiting]) waiting.reconnected?.();
    });
  }

  /** Whether this refusal is a reason to try again, not an answer; `unknown`: to what may be done. */
  isRetried(refused: Refusal, unknown = false): boolean {
    return isRetried(this.#options.policy, refused, unknown);
  }

  /**
   * Tries until an attempt is done, there have been as many as the policy allows or the deadline has
   * passed; each is told how long it has, and whether one before it may have been carried out.
   */
  async retry<T>(
    until: Until,
    attempt: (timeoutMs: number, unknown: boolean) => Promise<Tried<T>>,
  ): Promise<Retried<T>> {
    const { clock, policy } = this.#options;
    let unknown = false;
    let silences = 0;
    let why: LastTry | undefined;
    for (let attempts = 0; attempts < policy.attempts; attempts++) {
      if (attempts > 0) await this.#pause(attempts, until);
      const left = until.deadline - clock.monotonic();
      if (left <= 0) break;
      const patience = policy.attemptMs * 2 ** Math.max(0, silences - 1);
      const tried = await attempt(Math.min(patience, left), unknown);
      if (tried.kind === 'done') return tried;
      if (tried.why instanceof RequestTimeout) silences++;
      unknown ||= tried.unknown;
      why = tried.why;
    }
    return { kind: 'gave-up', unknown, ...(why && { why }) };
  }

  /** One request; nobody there, silence and a lost connection are reasons to try again. */
  request(
    subject: string,
    payload: string,
    options: RequestOptions & Pick<Until, 'signal'>,
  ): Promise<Tried<BusMessage>> {
    const { signal, ...rest } = options;
    return this.wait(signal, (resolve, reject) => {
      this.#options.bus.request(subject, payload, rest).then(
        (value) => resolve({ kind: 'done', value }),
        (why: unknown) => {
          if (why instanceof NoResponders) resolve({ kind: 'again', unknown: false, why });
          else if (why instanceof RequestTimeout) resolve({ kind: 'again', unknown: true, why });
          else reject(why);
        },
      );
      const why = new Error('the connection was lost while waiting for the reply');
      return { reconnected: () => resolve({ kind: 'again', unknown: true, why }) };
    });
  }

  /** Waits for what `begin` starts, unless the signal or the end of the client comes first. */
  wait<T>(signal: AbortSignal | undefined, begin: Begin<T>): Promise<T> {
    if (this.#closed) return Promise.reject(this.#closed);
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const abort = (): void => waiting.fail(signal?.reason);
      const settle = (finish: () => void): void => {
        if (!this.#waiting.delete(waiting)) return;
        signal?.removeEventListener('abort', abort);
        waiting.stop?.();
        finish();
      };
      const waiting: Waiting = { fail: (error) => settle(() => reject(error)) };
      this.#waiting.add(waiting);
      signal?.addEventListener('abort', abort);
      try {
        Object.assign(
          waiting,
          begin((value) => settle(() => resolve(value)), waiting.fail),
        );
      } catch (error) {
        waiting.fail(error);
      }
    });
  }

  /** Ends everything that waits, and what is asked later, with the reason if nobody here wished it. */
  close(why?: string): void {
    this.#closed ??= new ClientClosed(why);
    for (const waiting of [...this.#waiting]) waiting.fail(this.#closed);
  }

  async #pause(attempts: number, { deadline, signal }: Until): Promise<void> {
    const { clock, random, policy } = this.#options;
    const limit = pauseMsMax(policy, attempts);
    const ms = Math.min(random.next() * limit, Math.max(0, deadline - clock.monotonic()));
    await this.wait<void>(signal, (resolve) => {
      const timer = clock.after(ms, resolve);
      return { stop: () => timer.cancel() };
    });
  }
}

/** Starts something that calls back later, never before it has returned. */
type Begin<T> = (resolve: (value: T) => void, reject: (error: unknown) => void) => Hooks;

interface Hooks {
  /** Gives up what was started; called once, however the waiting ends. */
  readonly stop?: () => void;
  readonly reconnected?: () => void;
}

interface Waiting extends Hooks {
  fail(error: unknown): void;
}
