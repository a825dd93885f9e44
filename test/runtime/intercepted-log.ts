import type { Log } from '../../runtime/log.ts';

/** Stands before a call to the store: may carry it out, fail before or after, hold it, or lie. */
export type Intercept = (call: keyof Log, carryOut: () => Promise<unknown>) => Promise<unknown>;

/** The same log, with every call going through `intercept`. */
export function intercepted(log: Log, intercept?: Intercept): Log {
  if (intercept === undefined) return log;
  return new Proxy(log, {
    get: (target, name) => {
      const call = target[name as keyof Log] as (...parameters: unknown[]) => Promise<unknown>;
      return (...parameters: unknown[]) => intercept(name as keyof Log, () => call(...parameters));
    },
  });
}

/** Holds back the calls of one name until `release`, in order. */
export class Gate {
  readonly #call: keyof Log;
  #open = false;
  #held: (() => void)[] = [];

  constructor(call: keyof Log) {
    this.#call = call;
  }

  /** How many calls are held back. */
  get held(): number {
    return this.#held.length;
  }

  shut(): void {
    this.#open = false;
  }

  release(): void {
    this.#open = true;
    for (const proceed of this.#held.splice(0)) proceed();
  }

  readonly intercept: Intercept = async (call, carryOut) => {
    if (call === this.#call && !this.#open)
      await new Promise<void>((proceed) => this.#held.push(proceed));
    return carryOut();
  };
}
