/**
 * The peer's side of the comparison, a process of its own: a durable virtual object that keeps a
 * balance, as its TypeScript SDK's own examples write it. Arguments: the folder that has the SDK.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Of the SDK just what is used here: it is installed by the benchmark, not with this repository. */
interface Sdk {
  object(definition: {
    readonly name: string;
    readonly handlers: Readonly<Record<string, (context: State, input: Deposit) => unknown>>;
  }): object;
  /** Resolves with the port. */
  serve(options: {
    readonly services: readonly object[];
    readonly port: number;
    /** Takes what would be printed for each call. */
    readonly logger: () => void;
  }): Promise<number>;
}

interface State {
  get(key: 'balance'): Promise<string | null>;
  set(key: 'balance', value: string): void;
}

interface Deposit {
  readonly amount: string;
}

const [folder = '.'] = process.argv.slice(2);
const entry = createRequire(join(folder, 'package.json')).resolve('@restatedev/restate-sdk');
const sdk: Sdk = await import(pathToFileURL(entry).href);

const account = sdk.object({
  name: 'account',
  handlers: {
    deposit: async (context, { amount }) => {
      const balance = BigInt((await context.get('balance')) ?? '0') + BigInt(amount);
      context.set('balance', `${balance}`);
      return { balance: `${balance}` };
    },
  },
});

const port = await sdk.serve({ services: [account], port: 0, logger: () => {} });
process.send?.(port);
process.once('disconnect', () => process.exit(0));
