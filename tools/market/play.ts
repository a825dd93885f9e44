import type { Answer, Client } from '../../runtime/client.ts';
import type { Clock } from '../../runtime/clock.ts';
import { bookChecksum } from './checksum.ts';
import type { RecordedSymbol } from './feed.ts';
import type { Meter } from './meter.ts';
import type { Progress, Run } from './progress.ts';
import { scriptOf, type ScriptCommand, type Step } from './script.ts';

export interface Play {
  readonly client: Client;
  readonly clock: Clock;
  readonly market: readonly RecordedSymbol[];
  readonly progress: Progress;
  readonly meter: Meter;
}

/**
 * Plays what is left of a run: the symbols at the same time, the updates of each in their order,
 * comparing the book with the recorded checksum after every one.
 */
export async function playRun(play: Play, run: Run): Promise<void> {
  // A symbol that has not finished its first step begins it again, under a name of its own.
  const fresh = Math.floor(play.clock.now() / 1_000).toString(36);
  await Promise.all(
    play.market.map(async (recorded) => {
      const { symbol } = recorded;
      const { name, index } = run.done.get(symbol) ?? { name: fresh, index: -1 };
      for (const step of scriptOf(recorded, name)) {
        if (step.index <= index) continue;
        // The step that was under way when the last process ended may have been done in part: what
        // of it is refused now (its order is there, or gone) was done then. The checksum decides.
        await playStep(play, step, step.index === index + 1 && index >= 0);
        play.progress.finish(symbol, { name, index: step.index });
      }
    }),
  );
}

async function playStep(play: Play, step: Step, repeats: boolean): Promise<void> {
  const { client, clock, meter } = play;
  for (const phase of step.phases) {
    const sent = clock.monotonic();
    const answers = await client.batch(phase);
    meter.answered(phase.length, clock.monotonic() - sent);
    for (const [index, command] of phase.entries()) {
      const answer = answers[index];
      if (answer?.ok) meter.traded(tradesOf(answer));
      else if (!repeats) meter.refused(refusalOf(command, answer));
    }
  }
  if (step.checksum === undefined) return;
  const book = await client.get(`symbol/${step.symbol}`, 'book', { depth: 10 });
  meter.compared(book.ok && bookChecksum(book.result) === step.checksum);
}

/** The fills of an order's reply; other replies have none. */
function tradesOf({ result }: Extract<Answer, { ok: true }>): number {
  if (typeof result !== 'object' || result === null || !('fills' in result)) return 0;
  return Array.isArray(result.fills) ? result.fills.length : 0;
}

const refusalOf = ({ id, name, actor }: ScriptCommand, answer: Answer | undefined): string =>
  `${id}: ${name} at ${actor}: ${answer?.ok === false ? answer.error.code : 'no answer'}`;
