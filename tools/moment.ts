/** A moment of the past as a command line names it. */
import { Address } from '../contracts/dead-letter.ts';
import { parseRecordAddress } from '../contracts/record.ts';
import { UsageError } from './command-line.ts';

/** A time, in ms since 1970: all records up to it; or a record: itself and all before it. */
export type Moment =
  | { readonly kind: 'now' }
  | { readonly kind: 'time'; readonly time: number }
  | {
      readonly kind: 'record';
      readonly partition: number;
      readonly epoch: number;
      readonly position: number;
    };

/** Nothing was recorded before there was a Millrace: such a time is a slip. */
const timeMin = Date.UTC(2020, 0);
const isoTime = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d))?$/;

/** Reads `--at`; a time needs its zone, so that it means the same everywhere. */
export function readMoment(text: string | undefined): Moment {
  if (text === undefined || text === 'now') return { kind: 'now' };
  if (Address.safeParse(text).success) return { kind: 'record', ...parseRecordAddress(text) };
  const time = /^\d{13}$/.test(text) ? Number(text) : isoTime.test(text) ? parsed(text) : NaN;
  if (Number.isNaN(time))
    throw new UsageError(
      `--at takes a time such as 2026-11-21T12:00:00Z, ms since 1970, or a record such as ` +
        `17:3-4711, not "${text}".`,
    );
  if (time < timeMin)
    throw new UsageError(`--at ${text} is before anything can have been recorded.`);
  return { kind: 'time', time };
}

/** NaN for a day that its month does not have: Date.parse would take it for one of the next month. */
function parsed(text: string): number {
  const day = text.slice(0, 10);
  const time = Date.parse(day);
  if (Number.isNaN(time) || !timeText(time).startsWith(day)) return NaN;
  return Date.parse(text);
}

/** A time as all commands print it. */
export const timeText = (time: number): string => new Date(time).toISOString();
