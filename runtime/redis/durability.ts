/** Whether a Redis keeps what it has acknowledged: the guarantees rest on five of its settings. */
import type { Connection } from './connection.ts';
import { list } from './replies.ts';

export interface DurabilityOptions {
  /** Warns where it would otherwise refuse. */
  readonly allowUnsafe?: boolean;
  /** Takes one sentence for the operator. */
  readonly warn: (sentence: string) => void;
}

/** The Redis may lose acknowledged writes, or drop keys by itself. */
export class UnsafeRedis extends Error {
  override readonly name = 'UnsafeRedis';
}

const required = {
  appendonly: 'yes',
  appendfsync: 'always',
  'no-appendfsync-on-rewrite': 'no',
  'aof-load-truncated': 'no',
  'maxmemory-policy': 'noeviction',
} as const;

/** Throws `UnsafeRedis` if a setting is wrong; one that Redis does not tell is warned of. */
export async function checkDurability(
  connection: Connection,
  { allowUnsafe = false, warn }: DurabilityOptions,
): Promise<void> {
  const settings = await Promise.all(
    Object.entries(required).map(async ([name, needed]) => {
      const found = await settingOf(connection, name);
      return { found, must: `${name} must be ${needed}`, right: found === needed };
    }),
  );
  const untold = settings.filter(({ found }) => found === undefined).map(({ must }) => must);
  if (untold.length > 0) {
    warn(`This Redis does not tell its settings; make sure by other means: ${untold.join(', ')}.`);
  }
  const wrong = settings
    .filter(({ found, right }) => found !== undefined && !right)
    .map(({ must, found }) => `${must} (it is ${found})`);
  if (wrong.length === 0) return;
  const loss = `This Redis can lose what was acknowledged: ${wrong.join(', ')}`;
  if (!allowUnsafe) {
    throw new UnsafeRedis(
      `${loss}; correct its configuration, or accept the loss with MILLRACE_ALLOW_UNSAFE_REDIS=1.`,
    );
  }
  warn(`${loss}; it is used because MILLRACE_ALLOW_UNSAFE_REDIS is set.`);
}

/** Undefined where Redis does not tell it: managed ones often forbid CONFIG or rename it. */
async function settingOf(connection: Connection, name: string): Promise<string | undefined> {
  try {
    const [, value] = list(await connection.call('config', ['GET', name]));
    return typeof value === 'string' ? value : undefined;
  } catch (error) {
    if (error instanceof Error && /^(NOPERM|ERR) /.test(error.message)) return undefined;
    throw error;
  }
}
