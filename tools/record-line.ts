import type { EventBody, LogRecord } from '../contracts/record.ts';

/** A record of the log as one line to read: address, time, actor, and what came of it. */
export function recordLine(at: string, record: LogRecord): string {
  return [at, new Date(record.time).toISOString(), record.actor, outcome(record)].join('  ');
}

/** A record of the log as one line of JSON, its address first. */
export const recordJson = (at: string, record: LogRecord): string =>
  JSON.stringify({ at, ...record });

function outcome(record: LogRecord): string {
  const { events = [], reply, pending, from, aside, failure, resumed } = record;
  const happened = events.map(eventText);
  if (aside) happened.push(`${from ? 'parked' : 'set aside'}: ${aside.name}`);
  if (failure?.halts) happened.push('halted');
  if (resumed) happened.push('goes on');
  if (reply?.ok === false) happened.push(`refused: ${reply.error.code}`);
  if (pending !== undefined) happened.push('(answer follows)');
  if (happened.length > 0) return happened.join(', ');
  return from === undefined ? 'nothing to do' : 'message noted';
}

const eventText = ({ type, ...body }: EventBody): string =>
  Object.keys(body).length === 0 ? type : `${type} ${JSON.stringify(body)}`;
