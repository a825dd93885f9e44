import { isDeadLetterVerb, type DeadLetterVerb } from './dead-letter.ts';
import type { OperatorVerb } from './operator.ts';
import { actorKey, isActorId, isActorType, splitActorKey, type ActorKey } from './ids.ts';
import { partitionOf } from './partition.ts';

/** The verbs of the two kinds of request. */
export type Verb = 'cmd' | 'get';

/** A request's subject, taken apart. */
export interface Target {
  readonly verb: Verb;
  readonly actor: ActorKey;
  readonly type: string;
  readonly name: string;
}

/** Every subject of the wire contract, under one configurable prefix. */
export interface Subjects {
  request(verb: Verb, actor: ActorKey, name: string): string;
  /** Everything that the owner of a partition answers. */
  partition(partition: number): string;
  partitionBatch(partition: number): string;
  /** The partition that a batch to a whole one is for; undefined if the subject is not of that kind. */
  batchedPartition(subject: string): number | undefined;
  channel(partition: number): string;
  /** What an operator asks about what was set aside: see dead-letter.ts. */
  deadLetters(partition: number, verb: DeadLetterVerb): string;
  event(actor: ActorKey, event: string): string;
  host(name: string): string;
  /** Where a host is asked to give a partition away. */
  handOver(name: string): string;
  /** Where the host of this nonce hears the deferred replies to commands of its batches. */
  deferredPart(nonce: string, part: string): string;
  /** Whether a reply may go there: not to where it would be a request or an event, said by a host. */
  takesReplies(subject: string): boolean;
  /** The unmapped subjects, which one host answers as the router. */
  routed(verb: Verb): string;
  /** Whether a subject is one of these. */
  isRouted(subject: string): boolean;
  /** Reads `<prefix>.cmd.account.alice.deposit` or its mapped form; undefined if it is not well formed. */
  parse(subject: string): Target | undefined;
  /** Where an operator asks for states: see operator.ts. */
  states(partition: number): string;
  /** Reads a subject of `deadLetters` or `states`; undefined for any other. */
  parseOperator(subject: string): { partition: number; verb: OperatorVerb } | undefined;
}

export function subjectsUnder(prefix: string): Subjects {
  // Asked of every request: made once.
  const own = `${prefix}.`;
  const ownInboxes = `${prefix}.batch.`;
  const commands = `${prefix}.cmd.`;
  const queries = `${prefix}.get.`;
  return {
    request: (verb, actor, name) => `${prefix}.${verb}.${actor.replace('/', '.')}.${name}`,
    partition: (partition) => `${prefix}.part.${partition}.>`,
    partitionBatch: (partition) => `${prefix}.part.${partition}.batch`,
    batchedPartition: (subject) => {
      const [part, partition = '', batch, rest] = subject.slice(prefix.length + 1).split('.');
      const whole = part === 'part' && batch === 'batch' && rest === undefined;
      return whole && /^\d+$/.test(partition) ? Number(partition) : undefined;
    },
    deadLetters: (partition, verb) => `${prefix}.part.${partition}.dead-letters.${verb}`,
    channel: (partition) => `${prefix}.part.${partition}.channel`,
    event: (actor, event) => {
      const { type, id } = splitActorKey(actor);
      return `${prefix}.evt.${type}.${id}.${event}`;
    },
    host: (name) => `${prefix}.host.${name}`,
    handOver: (name) => `${prefix}.host.${name}.hand-over`,
    deferredPart: (nonce, part) => `${prefix}.batch.${nonce}.${part}`,
    takesReplies: (subject) => !subject.startsWith(own) || subject.startsWith(ownInboxes),
    routed: (verb) => `${prefix}.${verb}.>`,
    isRouted: (subject) => subject.startsWith(commands) || subject.startsWith(queries),
    parse: (subject) => parseTarget(subject.slice(prefix.length + 1)),
    states: (partition) => `${prefix}.part.${partition}.states`,
    parseOperator: (subject) => {
      const [part, n = '', what, verb = '', ...rest] = subject.slice(prefix.length + 1).split('.');
      if (part !== 'part' || !/^\d+$/.test(n) || rest.length > 0) return undefined;
      const partition = Number(n);
      if (what === 'states' && verb === '') return { partition, verb: 'states' };
      return what === 'dead-letters' && isDeadLetterVerb(verb) ? { partition, verb } : undefined;
    },
  };
}

function parseTarget(path: string): Target | undefined {
  const tokens = path.split('.');
  // A mapped subject has `part.<n>` before the verb.
  const first = tokens[0] === 'part' && /^\d+$/.test(tokens[1] ?? '') ? 2 : 0;
  const verb = tokens[first];
  const type = tokens[first + 1];
  const id = tokens[first + 2];
  const name = tokens[first + 3];
  if (verb !== 'cmd' && verb !== 'get') return undefined;
  if (type === undefined || id === undefined || name === undefined) return undefined;
  if (tokens.length > first + 4) return undefined;
  if (!isActorType(type) || !isActorId(id) || !isActorId(name)) return undefined;
  return { verb, actor: actorKey(type, id), type, name };
}

/**
 * The subject mappings of nats-server that route a request to its actor's partition without any
 * library in the client. Token numbers count wildcards; the hash is FNV-1a 32.
 */
export function natsMappings(prefix: string, partitions: number): Record<string, string> {
  const mapping = (verb: Verb): [string, string] => [
    `${prefix}.${verb}.*.*.*`,
    `${prefix}.part.{{partition(${partitions},1,2)}}.${verb}.{{wildcard(1)}}.{{wildcard(2)}}.{{wildcard(3)}}`,
  ];
  return Object.fromEntries([mapping('cmd'), mapping('get')]);
}

/** What these mappings make of a subject. */
export function mappedSubject(subject: string, prefix: string, partitions: number): string {
  const [verb, type, id, name, ...more] = subject.slice(prefix.length + 1).split('.');
  if (!subject.startsWith(`${prefix}.`) || more.length > 0) return subject;
  if ((verb !== 'cmd' && verb !== 'get') || !type || !id || !name) return subject;
  const partition = partitionOf(actorKey(type, id), partitions);
  return `${prefix}.part.${partition}.${verb}.${type}.${id}.${name}`;
}
