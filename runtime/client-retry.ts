import type { Code } from '../contracts/codes.ts';
import type { Refusal } from '../contracts/reply.ts';

/**
 * How the client tries again what found no answer. It pauses before each further attempt, for a random
 * part of a limit that grows (full jitter): a thousand clients do not come back in step.
 */
export interface RetryPolicy {
  /** How often a request is sent at most; default: as often as its time allows. */
  readonly attempts: number;
  /** How long the first two attempts wait for their reply, in ms; each further silence doubles it. */
  readonly attemptMs: number;
  /** The limit of the first pause, in ms; */
  readonly backoffMs: number;
  /** each further limit is so many times the last; */
  readonly multiplier: number;
  /** and none is above this, in ms. */
  readonly capMs: number;
  /**
   * The refusals after which it is tried again; the others are answers. Silence always is, and after
   * it a command also is after the others, for they do not tell what became of the first attempt.
   */
  readonly codes: readonly RetryableCode[];
}

/** The refusals that change nothing and may pass: a retry needs no look at the state. */
const retryableCodes = [
  'runtime/busy',
  'runtime/no-owner',
  'runtime/pending',
] as const satisfies readonly Code[];
export type RetryableCode = (typeof retryableCodes)[number];

/**
 * An attempt is shorter than a host's own wait for a deferred reply: a repeat only joins those who
 * wait, and after a failure of the owner it is the repeat that finds the new one.
 */
const defaults: RetryPolicy = {
  attempts: Infinity,
  attemptMs: 2_000,
  backoffMs: 20,
  multiplier: 2,
  capMs: 500,
  codes: retryableCodes,
};

/** The policy with these changes to the default; throws a RangeError at what makes no sense. */
export function retryPolicy(changes: Partial<RetryPolicy> = {}): RetryPolicy {
  const policy = { ...defaults, ...changes };
  const { attempts, attemptMs, backoffMs, multiplier, capMs, codes } = policy;
  if (attempts !== Infinity && !(Number.isSafeInteger(attempts) && attempts > 0))
    throw new RangeError('retry.attempts: must be a whole number above zero, or Infinity');
  for (const [name, ms] of Object.entries({ attemptMs, backoffMs, capMs }))
    if (!(ms > 0 && Number.isFinite(ms)))
      throw new RangeError(`retry.${name}: must be a number of milliseconds above zero`);
  if (!(multiplier >= 1 && Number.isFinite(multiplier)))
    throw new RangeError('retry.multiplier: must be a number of at least 1');
  const unknown = codes.find((code) => !retryableCodes.includes(code));
  if (unknown !== undefined)
    throw new RangeError(`retry.codes: "${unknown}" is none of ${retryableCodes.join(', ')}`);
  return policy;
}

/** The longest pause before attempt n + 1, in ms. */
export const pauseMsMax = (policy: RetryPolicy, attempts: number): number =>
  Math.min(policy.capMs, policy.backoffMs * policy.multiplier ** (attempts - 1));

/**
 * Whether a refusal is tried again rather than told. Where an earlier attempt may have been carried out,
 * "busy" says nothing of that one: told as the answer, it would be taken for "not done".
 */
export const isRetried = (
  { codes }: RetryPolicy,
  { code, retryable }: Refusal,
  unknown: boolean,
): boolean => retryable && (unknown ? retryableCodes : codes).some((one) => one === code);
