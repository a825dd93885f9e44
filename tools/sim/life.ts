/**
 * The life of one simulated process: running, frozen (SIGSTOP) or dead (kill -9).
 *
 * Owns what waits for a frozen process. Invariants:
 * L1  nothing of a dead process runs, and nothing that it would still say is heard;
 * L2  a frozen process runs nothing; thawed, it finds its timers overdue and its messages waiting.
 */
import type { Clock, Timer } from '../../runtime/clock.ts';
import type { Schedule } from './schedule.ts';

/** The wall clock at the beginning of every simulation. */
export const epochMs = 1_700_000_000_000;

export class Life {
  readonly name: string;
  readonly clock: Clock;
  /** How far the wall clock is ahead of the true time. */
  skewMs = 0;
  readonly #schedule: Schedule;
  #pace: number;
  /** What the monotonic clock told when its pace last changed, and when that was. */
  #paced = { told: 0, since: 0 };
  #state: 'running' | 'frozen' | 'thawing' | 'dead' = 'running';
  #waiting: (() => void)[] = [];
  readonly #endings: (() => void)[] = [];
  /** Calls in and out that are left before the process dies; see `boundary`. */
  #left = Number.POSITIVE_INFINITY;

  constructor(name: string, schedule: Schedule, pace = 1) {
    this.name = name;
    this.#pace = pace;
    this.#schedule = schedule;
    this.clock = {
      now: () => Math.floor(epochMs + schedule.now + this.skewMs),
      monotonic: () => this.#paced.told + (schedule.now - this.#paced.since) * this.#pace,
      after: (ms, callback) => this.#after(ms / this.#pace, callback),
      soon: (callback) => void this.#after(0, callback),
    };
  }

  /** How fast its monotonic clock and its timers run; 1 is right. */
  set pace(pace: number) {
    this.#paced = { told: this.clock.monotonic(), since: this.#schedule.now };
    this.#pace = pace;
  }

  get isRunning(): boolean {
    return this.#state === 'running';
  }

  get isDead(): boolean {
    return this.#state === 'dead';
  }

  /** Something reaches the process: now, when it is thawed, or never. */
  reach(callback: () => void): void {
    if (this.#state === 'running') callback();
    else if (this.#state !== 'dead') this.#waiting.push(callback);
  }

  /** Calls back when the process dies. */
  onEnd(callback: () => void): void {
    this.#endings.push(callback);
  }

  freeze(): void {
    if (this.#state !== 'dead') this.#state = 'frozen';
  }

  thaw(): void {
    if (this.#state !== 'frozen') return;
    this.#state = 'thawing';
    this.#catchUp();
  }

  kill(): void {
    if (this.#state === 'dead') return;
    this.#state = 'dead';
    this.#waiting = [];
    for (const callback of this.#endings) callback();
  }

  /** Kills the process at the `count`-th boundary from now. */
  killAfter(count: number): void {
    this.#left = count;
  }

  /** A call to a server leaves, has been carried out, or its answer arrives: here a process may die. */
  boundary(): void {
    if (--this.#left === 0) this.kill();
  }

  /** What waited runs in the order in which it came, before anything that comes meanwhile. */
  #catchUp(): void {
    this.#schedule.after(0, () => {
      if (this.#state !== 'thawing') return;
      const callback = this.#waiting.shift();
      if (callback === undefined) {
        this.#state = 'running';
        return;
      }
      callback();
      this.#catchUp();
    });
  }

  #after(ms: number, callback: () => void): Timer {
    let cancelled = false;
    const timer = this.#schedule.after(ms, () =>
      this.reach(() => {
        if (!cancelled) callback();
      }),
    );
    return {
      cancel: () => {
        cancelled = true;
        timer.cancel();
      },
    };
  }
}

/** The true wall clock of a simulation. */
export const trueTime = (schedule: Schedule): number => Math.floor(epochMs + schedule.now);
