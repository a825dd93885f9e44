/** A record in words: what was asked, and what happened. */
import type { ActorType } from '../../actors/actor.ts';
import type { Json, JsonObject } from '../../contracts/json.ts';
import { isJsonObject } from '../../contracts/json.ts';
import type { EventBody, LogRecord } from '../../contracts/record.ts';
import type { Reply } from '../../contracts/reply.ts';

/** What was asked, by whom; a command that the log does not keep is told from what it did. */
export function askedIn(record: LogRecord, type: ActorType): string {
  const { command, aside, timer, from, retried, resumed, id, events = [] } = record;
  const sender = from && `message of partition ${from.partition}`;
  if (resumed) return 'an operator lets it go on';
  if (timer) return `the deadline ${timer.name} of ${new Date(timer.at).toISOString()}`;
  if (aside) return `${sender ?? 'command'}: ${named(aside)}`;
  if (sender !== undefined) return sender;
  if (id === undefined)
    return retried === undefined ? 'the partition itself' : `what waits since ${retried}, again`;
  const again = retried === undefined ? '' : `, again after ${retried}`;
  return `${command ? named(command) : (type.asked(events) ?? 'a command')}${again}`;
}

/** What happened, a sentence each; at most so many events are told. */
export function happenedIn(record: LogRecord, type: ActorType, eventsMax = 100): string[] {
  const { events = [], aside, from, failure, reply, pending, answers = [], out = [] } = record;
  const told = events.slice(0, eventsMax).map((event) => eventWords(event, type));
  if (events.length > told.length) told.push(`and ${events.length - told.length} events more`);
  if (aside) told.push(from ? 'parked: it waits' : 'set aside');
  if (failure) told.push(`failed: ${firstLine(failure.error)}`);
  if (failure?.halts) told.push('halted');
  if (reply?.ok === false) told.push(refusalWords(reply));
  for (const answer of answers.slice(0, eventsMax))
    told.push(`answers ${answer.id}: ${answer.reply.ok ? 'done' : refusalWords(answer.reply)}`);
  for (const receiver of new Set(out.slice(0, eventsMax).map(({ name, to }) => `${name} to ${to}`)))
    told.push(`sends ${receiver}`);
  if (pending !== undefined && !reply) told.push('the answer follows');
  return told.length > 0 ? told.map(shortened) : ['nothing changed'];
}

/** An event as its actor tells it, or its name and fields. */
export function eventWords(event: EventBody, type: ActorType): string {
  const { type: name, ...body } = type.upcast(event);
  return type.tell(event) ?? withFields(name, body);
}

const refusalWords = ({ error }: Extract<Reply, { ok: false }>): string =>
  `refused: ${error.code} (${error.message})`;

const named = ({ name, body }: { readonly name: string; readonly body: Json }): string =>
  withFields(name, isJsonObject(body) ? body : { body });

const lengthMax = 300;

function withFields(name: string, body: JsonObject): string {
  const fields = Object.entries(body).map(([field, value]) => `${field} ${valueWords(value)}`);
  return shortened([name, fields.join(', ')].filter((part) => part !== '').join(' '));
}

const shortened = (text: string): string =>
  text.length > lengthMax ? `${text.slice(0, lengthMax)}…` : text;

const valueWords = (value: Json): string =>
  typeof value === 'string' ? value : JSON.stringify(value);

function firstLine(text: string): string {
  const end = text.indexOf('\n');
  return shortened(end < 0 ? text : text.slice(0, end));
}
