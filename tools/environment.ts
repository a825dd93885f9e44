/** What the environment says about the cluster: the same for `up`, `start`, `host` and the readers. */
import { z } from 'zod';
import { ClusterSettings } from '../contracts/cluster.ts';
import { defaultScales } from '../contracts/money.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Partitions of a new cluster unless told otherwise. */
export const partitionsDefault = 64;

/** The names are part of the command line's contract; a value that does not fit ends the command. */
const Variables = z.object({
  /** A Redis that runs already; without it `up` starts one. */
  MILLRACE_REDIS_URL: z.url().optional(),
  /** `1` takes a Redis that can lose what was acknowledged: for trials, never for money. */
  MILLRACE_ALLOW_UNSAFE_REDIS: z.enum(['0', '1']).default('0'),
  /** A NATS that runs already; without it `up` starts one. */
  MILLRACE_NATS_URL: z.url().optional(),
  /** Of a new cluster, 1 to 1,024. */
  MILLRACE_PARTITIONS: z.coerce.number().pipe(ClusterSettings.shape.partitions).optional(),
  /** The first token of every subject. */
  MILLRACE_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9_-]+$/)
    .default('millrace'),
  /** Of a new cluster, as JSON: `{"byAsset":{"USD":2},"others":8}`. */
  MILLRACE_SCALES: z
    .string()
    .transform((text, context) => parseScales(text, context))
    .default(defaultScales),
  /** The text of all logs together, above which what nobody needs goes to the archive. */
  MILLRACE_RETAIN_BYTES: z.coerce.number().int().positive().optional(),
  /** The heap of all actors that one host keeps in memory; default half of what its process may use. */
  MILLRACE_RESIDENT_BYTES: z.coerce.number().int().positive().optional(),
  /** How long a reply stays in the log at least, to be repeated byte for byte. */
  MILLRACE_REPLY_WINDOW_MS: z.coerce.number().int().nonnegative().optional(),
  /** So many replicas of Redis must have a group before anyone is told of it. */
  MILLRACE_REPLICAS: z.coerce.number().int().min(0).max(16).default(0),
  /** How long a command's id is remembered, at least a second. */
  MILLRACE_ID_WINDOW_MS: z.coerce.number().int().min(1_000).optional(),
  /** `1` keeps in each record the command that it answers, so that verify can decide it again. */
  MILLRACE_KEEP_COMMANDS: z.enum(['0', '1']).default('0'),
  /** A folder; without it a host archives nothing, and its logs grow for ever. */
  MILLRACE_ARCHIVE_DIR: z.string().optional(),
  /** Where a host says over HTTP how it is; 0 or nothing: nowhere. */
  MILLRACE_HEALTH_PORT: z.coerce.number().int().min(0).max(65_535).default(0),
});

export interface ClusterEnvironment {
  readonly redis: string | undefined;
  readonly allowUnsafeRedis: boolean;
  readonly nats: string | undefined;
  readonly partitions: number | undefined;
  readonly prefix: string;
  readonly scales: ClusterSettings['scales'];
  readonly retainBytes: number | undefined;
  readonly residentBytes: number | undefined;
  readonly replyWindowMs: number | undefined;
  readonly replicas: number;
  readonly idWindowMs: number | undefined;
  readonly keepCommands: boolean;
  readonly archive: string | undefined;
  /** 0: none. */
  readonly healthPort: number;
}

/** Reads the MILLRACE_ variables; throws an error that names the one that is wrong. */
export function clusterEnvironment(environment: Environment): ClusterEnvironment {
  const set = Object.entries(environment).filter(
    ([, value]) => value !== undefined && value !== '',
  );
  const parsed = Variables.safeParse(Object.fromEntries(set));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new Error(
      `${issue?.path.join('.')} is not usable: ${issue?.message}. Correct or unset it.`,
    );
  }
  return {
    redis: parsed.data.MILLRACE_REDIS_URL,
    allowUnsafeRedis: parsed.data.MILLRACE_ALLOW_UNSAFE_REDIS === '1',
    nats: parsed.data.MILLRACE_NATS_URL,
    partitions: parsed.data.MILLRACE_PARTITIONS,
    prefix: parsed.data.MILLRACE_PREFIX,
    scales: parsed.data.MILLRACE_SCALES,
    retainBytes: parsed.data.MILLRACE_RETAIN_BYTES,
    residentBytes: parsed.data.MILLRACE_RESIDENT_BYTES,
    replyWindowMs: parsed.data.MILLRACE_REPLY_WINDOW_MS,
    replicas: parsed.data.MILLRACE_REPLICAS,
    idWindowMs: parsed.data.MILLRACE_ID_WINDOW_MS,
    keepCommands: parsed.data.MILLRACE_KEEP_COMMANDS === '1',
    archive: parsed.data.MILLRACE_ARCHIVE_DIR,
    healthPort: parsed.data.MILLRACE_HEALTH_PORT,
  };
}

/** The address of a server for others to read: without a password, or a name that may be a token. */
export const addressIn = (url: string): string =>
  url.replace(/^([a-z]+:\/\/)?[^/?#]*@/i, '$1').replace(/[?#].*/, '');

function parseScales(text: string, context: z.core.$RefinementCtx): ClusterSettings['scales'] {
  try {
    return ClusterSettings.shape.scales.parse(JSON.parse(text));
  } catch {
    context.addIssue('it must be JSON such as {"byAsset":{"USD":2},"others":8}');
    return z.NEVER;
  }
}
