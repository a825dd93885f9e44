/** The dead letters of a partition: a short stream beside its log, with ids like the log's. */
import { parseActorKey, type ActorKey } from '../../contracts/ids.ts';
import { keys } from '../../contracts/keys.ts';
import { entryId } from '../../contracts/record.ts';
import type { Log } from '../log.ts';
import type { Connection } from './connection.ts';
import { integer, list, oneOf, pairs, text } from './replies.ts';
import { scripts } from './scripts.ts';

export const deadLetters = (connection: Connection): Pick<Log, 'addDeadLetter' | 'deadLetter'> => ({
  async addDeadLetter({ partition, epoch, nonce }, { at, ...fields }, keep) {
    const where = [keys.owner(partition), keys.deadLetters(partition)];
    const told = Object.entries(fields).flatMap(([name, value]) => [name, `${value}`]);
    const args = [`${epoch}`, nonce, `${at.epoch}`, `${at.position}`, `${keep}`, ...told];
    return oneOf(['ok', 'fenced'], await connection.run(scripts.deadLetter, where, args));
  },

  async deadLetter(partition, at) {
    const id = entryId(at.epoch, at.position);
    const [found] = list(await connection.call('xrange', [keys.deadLetters(partition), id, id]));
    if (found === undefined) return undefined;
    const fields = new Map<unknown, unknown>(pairs(list(found)[1]));
    return {
      at,
      time: integer(fields.get('time')),
      actor: actorIn(text(fields.get('actor'))),
      version: integer(fields.get('version')),
      stateHash: text(fields.get('stateHash')),
      id: text(fields.get('id')),
      payload: text(fields.get('payload')),
      error: text(fields.get('error')),
      trace: text(fields.get('trace')),
    };
  },
});

function actorIn(key: string): ActorKey {
  const actor = parseActorKey(key);
  if (actor !== undefined) return actor;
  throw new Error(`a dead letter names "${key}", which is no actor`);
}
