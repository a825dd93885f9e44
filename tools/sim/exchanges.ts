/** What the clients of a simulation said and heard, as the checkers look at it. */
import { payloadHash } from '../../contracts/json.ts';
import type { SentCommand, Told } from '../checkers/evidence.ts';
import type { Unnamed } from '../checkers/unnamed.ts';
import type { Exchange } from './noted-bus.ts';

/** By id and payload, with all replies. */
export function commandsIn(exchanges: readonly Exchange[]): SentCommand[] {
  const commands = new Map<string, SentCommand & { replies: string[] }>();
  for (const { verb, actor, name, body, id, answer } of exchanges) {
    if (verb !== 'cmd' || id === undefined) continue;
    const key = `${actor} ${id} ${payloadHash(name, body)}`;
    const command = commands.get(key) ?? { actor, name, body, id, replies: [] };
    commands.set(key, command);
    if (answer) command.replies.push(answer.text);
  }
  return [...commands.values()];
}

/** What came back, and when. */
export const toldIn = (exchanges: readonly Exchange[]): Told[] =>
  exchanges.flatMap(({ answer, ...asked }) =>
    answer ? [{ ...asked, answeredAt: answer.at, text: answer.text }] : [],
  );

/** Commands that no id protects. */
export const unnamedIn = (exchanges: readonly Exchange[]): Unnamed[] =>
  exchanges.flatMap(({ verb, actor, id, answer }) =>
    verb === 'cmd' && id === undefined ? [{ actor, reply: answer?.text }] : [],
  );
