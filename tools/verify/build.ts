/** The actors of a build: this one's, another one's, or those that a module names. */
import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { accountActor } from '../../actors/account.ts';
import type { ActorType } from '../../actors/actor.ts';
import { symbolActor } from '../../actors/symbol.ts';
import type { ClusterSettings } from '../../contracts/cluster.ts';
import type { ActorTypes } from '../../runtime/command.ts';
import { UsageError } from '../command-line.ts';

type Scales = ClusterSettings['scales'];

/** The exchange's own actors, as this build has them. */
export const ownActors = (scales: Scales): ActorTypes =>
  byType([accountActor(scales), symbolActor(scales)]);

/**
 * The actors of another build: of a folder that holds Millrace, as sources or built, or of a module
 * that exports `actors`, a list of actor types.
 */
export async function actorsOf(path: string, scales: Scales): Promise<ActorTypes> {
  const at = resolve(path);
  if (!existsSync(at)) throw new UsageError(`There is no build at ${path}.`);
  if (statSync(at).isFile()) return byType(listed(await load(at), path));
  const source = ['actors/account.ts', 'actors/account.js', 'dist/actors/account.js']
    .map((file) => join(at, file))
    .find((file) => existsSync(file));
  if (source === undefined)
    throw new UsageError(`${path} holds no Millrace: there is no actors/account in it.`);
  const sibling = source.replace(/account(\.[jt]s)$/, 'symbol$1');
  return byType([
    made(await load(source), 'accountActor', scales),
    made(await load(sibling), 'symbolActor', scales),
  ]);
}

const byType = (types: readonly ActorType[]): ActorTypes =>
  new Map(types.map((type) => [type.type, type]));

async function load(file: string): Promise<object> {
  const loaded: unknown = await import(pathToFileURL(file).href);
  return typeof loaded === 'object' && loaded !== null ? loaded : {};
}

function made(loaded: object, name: string, scales: Scales): ActorType {
  const make: unknown = Object.entries(loaded).find(([exported]) => exported === name)?.[1];
  const type: unknown = typeof make === 'function' ? make(scales) : undefined;
  if (isActorType(type)) return type;
  throw new UsageError(`The other build has no ${name} that this one can drive.`);
}

function listed(loaded: object, path: string): ActorType[] {
  const actors: unknown = 'actors' in loaded ? loaded.actors : undefined;
  if (Array.isArray(actors) && actors.every(isActorType)) return actors;
  throw new UsageError(`${path} must export \`actors\`, a list of what defineActor gives.`);
}

const methods = ['decide', 'cites', 'receive', 'timer', 'holdings', 'upcast', 'publish', 'start'];

function isActorType(value: unknown): value is ActorType {
  if (typeof value !== 'object' || value === null || !('type' in value)) return false;
  const found = new Map<string, unknown>(Object.entries(value));
  return methods.every((method) => typeof found.get(method) === 'function');
}
