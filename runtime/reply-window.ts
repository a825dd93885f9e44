/** Records of a short span of time, the latest of them at `position` and `time`. */
interface Span {
  readonly began: number;
  time: number;
  position: number;
}

/** How finely the window is measured. */
const spansPerWindow = 60;

/** Which replies of a partition are young enough that a repeat must get them byte for byte. */
export class ReplyWindow {
  readonly #ms: number;
  /** Oldest first, all within the window. */
  readonly #spans: Span[] = [];
  #floor = 1;

  constructor(ms: number) {
    this.#ms = ms;
  }

  /** Replies below this position are older than the window, as far as they were noted. */
  get floor(): number {
    return this.#floor;
  }

  /** No record up to a position is younger than this. */
  note(position: number, time: number): void {
    const latest = this.#spans.at(-1);
    if (latest === undefined || time - latest.began >= this.#ms / spansPerWindow) {
      this.#spans.push({ began: time, time, position });
    } else {
      latest.time = time;
      latest.position = position;
    }
  }

  /** Lets go of what is too old now. */
  expire(now: number): void {
    for (let span = this.#spans[0]; span && span.time < now - this.#ms; span = this.#spans[0]) {
      this.#floor = span.position + 1;
      this.#spans.shift();
    }
  }
}
