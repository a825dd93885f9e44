/** A record of an actor as its history shows it. */
import type { ActorType } from '../../actors/actor.ts';
import type { HistoryRecord } from '../../contracts/history.ts';
import type { ActorPast } from './actor-past.ts';
import { askedIn, happenedIn } from './words.ts';
import type { Placed } from '../whole-log.ts';

/** A single record may be larger than any reply: more than this, and its events are left out. */
const eventsLengthMax = 60_000;

/** What an actor's past shows of the record that it has just taken. */
export function historyRecord(
  { at, record }: Placed,
  past: ActorPast,
  type: ActorType,
): HistoryRecord {
  const { state } = past;
  const { time, version, id, events = [] } = record;
  const short = JSON.stringify(events).length <= eventsLengthMax;
  return {
    at,
    time,
    version,
    ...(id !== undefined && { id }),
    asked: askedIn(record, type),
    happened: happenedIn(record, type),
    events: short ? [...events] : [],
    status: state.value,
    balances: type.balances(state),
  };
}
