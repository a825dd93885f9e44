/** Accounts in the simulator that pay each other by every protocol, take it back, and are frozen. */
import { accountActor } from '../../actors/account.ts';
import { TransferProtocol } from '../../contracts/transfer.ts';
import { defaultScales } from '../../contracts/money.ts';
import { ReversibleEntries } from '../../tools/sim/reversible-entries.ts';
import type { Act, Dice, Workload } from '../../tools/sim/index.ts';

const names = ['ann', 'bob', 'cyd', 'dan', 'eve', 'fay', 'gus'];

const command = (who: string, name: string, body: Act['body'] = {}): Act => ({
  verb: 'cmd',
  actor: `account/${who}`,
  name,
  body,
});
const balance = (who: string): Act => ({ ...command(who, 'balance'), verb: 'get' });

/**
 * What is answered now has overtaken nothing: channels keep order, so when a transfer from everybody
 * to everybody is done, so are all before it.
 */
const lastTransfers = names.flatMap((who) => [
  command(who, 'deposit', { asset: 'USD', amount: '1' }),
  ...[...names, 'nobody'].map((to) =>
    command(who, 'transfer', { to, asset: 'USD', amount: '0.01' }),
  ),
]);

/** In the end nothing may be held: every transfer was completed or undone. */
export const workload = (): Workload => {
  const entries = new ReversibleEntries();
  return {
    types: [accountActor(defaultScales)],
    prologue: names.map((who) => command(who, 'deposit', { asset: 'USD', amount: '100' })),
    look: (actor) => balance(actor.slice('account/'.length)),
    act: (dice) => (dice.chance(0.15) && entries.reversal(dice)) || anAct(dice),
    told: (act, answer) => entries.note(act, answer),
    epilogue: [
      ...names.map((who) => command(who, 'unfreeze')),
      ...lastTransfers,
      ...names.map(balance),
    ],
    judge: ({ actor, name }, result) => {
      if (name !== 'balance') return undefined;
      const held = /"held":"[^"]*[1-9]/.test(JSON.stringify(result));
      return held ? `${actor} still holds: ${JSON.stringify(result)}` : undefined;
    },
  };
};

function anAct(dice: Dice): Act {
  const who = dice.pick(names);
  const roll = dice.random.next();
  if (roll < 0.1) return balance(who);
  if (roll < 0.2) return command(who, 'deposit', { asset: 'USD', amount: '5' });
  if (roll < 0.3) return command(who, dice.pick(['freeze', 'unfreeze', 'unfreeze']));
  return command(who, 'transfer', {
    to: dice.pick([...names, 'nobody']),
    asset: 'USD',
    amount: `${dice.whole(1, 60)}.25`,
    protocol: dice.pick(TransferProtocol.options),
  });
}
