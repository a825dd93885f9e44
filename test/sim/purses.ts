/** A user's own actors in the simulator: purses that give each other coins, and fail now and then. */
import type { ActorType } from '../../actors/actor.ts';
import type { Act, Workload } from '../../tools/sim/index.ts';
import { purse } from '../runtime/purse.ts';

const names = ['ann', 'bob', 'cyd', 'dan', 'eve', 'fay', 'gus'];

const command = (who: string, name: string, body: Act['body']): Act => ({
  verb: 'cmd',
  actor: `purse/${who}`,
  name,
  body,
});

/** Until they are mended purses fail on commands about so many coins, and on being given so many. */
const unlucky = { told: 13, given: 17 };

function failing(isMended: () => boolean): ActorType {
  const failOn = (body: unknown, coins: number): void => {
    if (!isMended() && (body as { readonly coins?: number }).coins === coins)
      throw new Error(`${coins} is an unlucky number`);
  };
  return {
    ...purse,
    decide: (state, command, context) => {
      failOn(command, unlucky.told);
      return purse.decide(state, command, context);
    },
    receive: (state, message, context) => {
      failOn(message.body, unlucky.given);
      return purse.receive(state, message, context);
    },
  };
}

/** Anybody puts coins in, gives or promises some to others, and looks how many there are. */
export const workload = (): Workload => {
  let mended = false;
  return {
    types: [failing(() => mended)],
    mend: () => void (mended = true),
    prologue: names.map((who) => command(who, 'put', { coins: 100 })),
    look: (actor) => ({ verb: 'get', actor, name: 'coins', body: {} }),
    act: (dice) => {
      const who = dice.pick(names);
      const coins = dice.whole(1, 30);
      const roll = dice.random.next();
      if (roll < 0.2) return { verb: 'get', actor: `purse/${who}`, name: 'coins', body: {} };
      if (roll < 0.4) return command(who, 'put', { coins });
      const to = dice.pick(names);
      if (roll < 0.5) return command(who, 'promise', { to, coins, inMs: dice.whole(0, 8_000) });
      if (roll < 0.53) return command(who, 'withdraw-promise', { to });
      return command(who, dice.pick(['give', 'send']), { coins, to });
    },
  };
};
