/** The tool as an operator runs it: `millrace …` on a data folder, without any MILLRACE_ variable. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Ran {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

const repository = fileURLToPath(new URL('../..', import.meta.url));

/** Runs one command to its end. */
export function millrace(data: string, ...argv: string[]): Promise<Ran> {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('MILLRACE_'));
  const options = {
    cwd: repository,
    env: Object.fromEntries(inherited),
    maxBuffer: 256 * 1024 * 1024,
  };
  const args = [join(repository, 'tools/cli.ts'), ...argv, '--data', data];
  return new Promise((resolve) => {
    execFile(process.execPath, args, options, (error, out, err) =>
      resolve({ status: error ? Number(error.code) : 0, out, err }),
    );
  });
}

/** What a command prints as one JSON document; throws what it complains of. */
export async function document<T>(data: string, ...argv: string[]): Promise<T> {
  const { status, out, err } = await millrace(data, ...argv, '--json');
  if (status !== 0) throw new Error(`${argv.join(' ')} ended with ${status}: ${err}`);
  return JSON.parse(out) as T;
}
