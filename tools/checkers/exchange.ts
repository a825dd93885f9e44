/** What must hold of the exchange's own actors, seen through their queries. */
import { z } from 'zod';
import type { ActorType, State } from '../../actors/actor.ts';
import { typeOf, type ActorKey } from '../../contracts/ids.ts';
import type { ActorTypes } from '../../runtime/command.ts';
import { exact } from './sums.ts';

/** What is wrong with an account's balances, if anything: see `Evidence.fault`. */
export const balanceFault =
  (types: ActorTypes) =>
  (actor: ActorKey, state: State<unknown>): string | undefined => {
    const negative = balancesOf(types, actor, state).find(
      ([, { available, held }]) => exact(available) < 0n || exact(held) < 0n,
    );
    return negative && `it has ${JSON.stringify(negative)}`;
  };

/** The accounts that hold something though they have no open order: holds that never ended. */
export function endlessHolds(
  types: ActorTypes,
  states: ReadonlyMap<ActorKey, State<unknown>>,
): string[] {
  return [...states].flatMap(([actor, state]) => {
    const held = balancesOf(types, actor, state).filter(
      ([, balance]) => exact(balance.held) !== 0n,
    );
    if (held.length === 0 || hasOrders(types, actor, state)) return [];
    return [`${actor} has no open order and holds ${JSON.stringify(Object.fromEntries(held))}`];
  });
}

const Balance = z.object({ available: z.string(), held: z.string() });
const Balances = z.object({ balances: z.record(z.string(), Balance) });
const Orders = z.object({ orders: z.array(z.unknown()) });

function balancesOf(
  types: ActorTypes,
  actor: ActorKey,
  state: State<unknown>,
): [string, z.infer<typeof Balance>][] {
  const type = accountType(types, actor);
  return type ? Object.entries(ask(type, 'balance', state, Balances).balances) : [];
}

function hasOrders(types: ActorTypes, actor: ActorKey, state: State<unknown>): boolean {
  const type = accountType(types, actor);
  return type !== undefined && ask(type, 'orders', state, Orders).orders.length > 0;
}

const accountType = (types: ActorTypes, actor: ActorKey): ActorType | undefined =>
  typeOf(actor) === 'account' ? types.get('account') : undefined;

function ask<T>(type: ActorType, name: string, state: State<unknown>, schema: z.ZodType<T>): T {
  const query = type.queries.get(name);
  const reply = query?.read(state, query.body.parse({}));
  if (!reply?.ok) throw new Error(`an account does not answer "${name}"`);
  return schema.parse(reply.result);
}
