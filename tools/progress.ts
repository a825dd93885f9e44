/** How far a long command has come: a line redrawn on a terminal, a line now and then elsewhere. */
import { systemClock } from '../runtime/system-clock.ts';
import type { Output } from './terminal.ts';

export interface Progress {
  /** So many records have been read. */
  tell(records: number): void;
  /** Nothing of it stays on a terminal. */
  end(): void;
}

/** More often nobody needs to be told. */
export const progressMs = 100;
const lineMs = 2_000;
const barWidth = 30;

/** `total`: how many there will be, as far as that is known. */
export function progressOn(output: Output, total?: number): Progress {
  const everyMs = output.isTTY ? progressMs : lineMs;
  const began = systemClock.monotonic();
  let told = began;
  let drawn = false;
  return {
    tell(records) {
      const now = systemClock.monotonic();
      if (now - told < everyMs) return;
      told = now;
      const text = progressText({ records, total, ms: now - began });
      drawn = true;
      output.write(output.isTTY ? `\r${text}\x1b[K` : `${text}\n`);
    },
    end() {
      if (drawn && output.isTTY) output.write('\r\x1b[K');
    },
  };
}

interface Come {
  readonly records: number;
  readonly total: number | undefined;
  readonly ms: number;
}

function progressText({ records, total, ms }: Come): string {
  const rate = `${Math.round((records * 1_000) / Math.max(1, ms))} a second`;
  if (total === undefined || total === 0) return `${records} records, ${rate}`;
  const share = Math.min(1, records / total);
  const bar = '#'.repeat(Math.round(share * barWidth)).padEnd(barWidth, '.');
  return `[${bar}] ${Math.floor(share * 100)} %  ${records} of ${total} records, ${rate}`;
}
