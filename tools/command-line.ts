/** What the commands of the tool have in common. */

/** One command: a module of `tools/commands/`. */
export interface Command {
  /** What `--help` prints. */
  readonly usage: string;
  /** Resolves with the exit status: 0 done, 1 failed. Throws `UsageError` when used wrongly. */
  run(argv: string[]): Promise<number>;
}

/** The command line is wrong: exit status 2 and a sentence. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The one word that a command takes besides its options; undefined if there is none. */
export function oneOnly([word, ...rest]: readonly string[]): string | undefined {
  if (rest.length > 0) throw new UsageError(`"${rest.join(' ')}" is too much.`);
  return word;
}

/** An option's value as a whole number within bounds; undefined if the option is absent. */
export function wholeNumber(
  option: string,
  text: string | undefined,
  { min, max }: { readonly min: number; readonly max: number },
): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new UsageError(`--${option} takes a whole number from ${min} to ${max}, not "${text}".`);
}

/** Aborted by Ctrl-C or SIGTERM, and once nobody reads what is printed. */
export function untilAskedToEnd(): AbortSignal {
  const ending = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ending.abort());
  process.stdout.on('error', () => ending.abort());
  return ending.signal;
}
