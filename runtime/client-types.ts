/** What the client's methods take and give, derived from the contracts. */
import type { z } from 'zod';
import type { AccountCommand, AccountQuery, AccountResult } from '../contracts/account.ts';
import type { EveryQuery } from '../contracts/history.ts';
import type { Json } from '../contracts/json.ts';
import type { Refusal } from '../contracts/reply.ts';
import type { SymbolCommand, SymbolQuery, SymbolResult } from '../contracts/symbol.ts';

/** A reply: refusals are values. `at` is the address of its record, if there is one. */
export type Answer<Result = Json> =
  | { readonly ok: true; readonly at?: string; readonly result: Result }
  | { readonly ok: false; readonly at?: string; readonly error: Refusal };

/** A request's body; fields that are undefined are left out. */
export type Body = { readonly [field: string]: Json | undefined };

/** One command of a batch. */
export interface BatchItem {
  /** `account/alice` */
  readonly actor: string;
  readonly name: string;
  readonly body?: Body;
  /** Default: a fresh UUIDv7. */
  readonly id?: string;
}

/** What the commands of an actor may be called; any string for actors that are not ours. */
export type CommandName<Actor extends string> = [CommandOf<Actor>] extends [never]
  ? string
  : CommandOf<Actor>['name'];

export type CommandBody<Actor extends string, Name> = [CommandOf<Actor>] extends [never]
  ? Body
  : Omit<Extract<CommandOf<Actor>, { name: Name }>, 'name'>;

export type CommandResult<Actor extends string, Name> = Name extends keyof ResultsOf<Actor>
  ? z.infer<ResultsOf<Actor>[Name]>
  : Json;

/** What the queries of an actor may be called; any string for actors that are not ours. */
export type QueryName<Actor extends string> = [QueriesOf<Actor>] extends [never]
  ? string
  : keyof QueriesOf<Actor> & string;

export type QueryBody<Actor extends string, Name> =
  QueryOf<Actor, Name> extends { readonly body: infer Schema extends z.ZodType }
    ? z.infer<Schema>
    : Body;

export type QueryResult<Actor extends string, Name> =
  QueryOf<Actor, Name> extends { readonly result: infer Schema extends z.ZodType }
    ? z.infer<Schema>
    : Json;

type CommandOf<Actor extends string> = Actor extends `account/${string}`
  ? AccountCommand
  : Actor extends `symbol/${string}`
    ? SymbolCommand
    : never;

type ResultsOf<Actor extends string> = Actor extends `account/${string}`
  ? typeof AccountResult
  : Actor extends `symbol/${string}`
    ? typeof SymbolResult
    : Record<never, z.ZodType>;

type QueriesOf<Actor extends string> = Actor extends `account/${string}`
  ? typeof AccountQuery & typeof EveryQuery
  : Actor extends `symbol/${string}`
    ? typeof SymbolQuery & typeof EveryQuery
    : never;

type QueryOf<Actor extends string, Name> = [QueriesOf<Actor>] extends [never]
  ? undefined
  : Name extends keyof QueriesOf<Actor>
    ? QueriesOf<Actor>[Name]
    : undefined;
