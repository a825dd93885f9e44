import { once } from 'node:events';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { clientOn } from '../../runtime/client.ts';
import { natsBus } from '../../runtime/nats/bus.ts';
import { systemClock, systemRandom } from '../../runtime/system-clock.ts';
import { wholeNumber } from '../command-line.ts';
import { startLocalCluster } from '../local-cluster.ts';
import { playMarket, resendDeposits, stateOf, type Demo } from '../market/demo.ts';
import { readRecordedMarket } from '../market/feed.ts';
import { readHosts } from '../hosts.ts';
import { openProgress } from '../market/progress.ts';
import { screenOn } from '../market/screen.ts';
import { commandsToTry, resentText, restoredText, summaryText } from '../market/texts.ts';

export const usage = `millrace start [options]

Starts a cluster on this machine, plays a recorded market through it, and keeps it running until
Ctrl-C. Started again it restores everything from disk and goes on where it was.

  --replay      play the market again, though it was played to its end
  --once        stop after the summary; the exit status says whether all was as it should be
  --hosts N     how many hosts (default 2)
  --data DIR    where everything is kept (default .millrace)

MILLRACE_REDIS_URL and MILLRACE_NATS_URL name running servers to use instead of own ones; see
\`millrace up --help\` for the other variables.`;

export async function run(argv: string[]): Promise<number> {
  const options = readOptions(argv);
  const ended = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => ended.abort(signal));
  }
  const { data, hosts } = options;
  try {
    say('Starting Redis, NATS and the hosts …');
    const begun = performance.now();
    const cluster = await startLocalCluster({ data, hosts, signal: ended.signal });
    const startedMs = performance.now() - begun;
    try {
      const fine = await demonstrate(cluster, { ...options, startedMs }, ended.signal);
      if (options.once) return fine ? 0 : 1;
      say(commandsToTry);
      if (!ended.signal.aborted) await once(ended.signal, 'abort');
      return 0;
    } finally {
      await cluster.stop();
    }
  } catch (error) {
    if (ended.signal.aborted) return 0;
    throw error;
  }
}

interface Options {
  readonly data: string;
  readonly hosts: number;
  readonly replay: boolean;
  readonly once: boolean;
}

function readOptions(argv: string[]): Options {
  const { values } = parseArgs({
    args: argv,
    options: {
      replay: { type: 'boolean', default: false },
      once: { type: 'boolean', default: false },
      hosts: { type: 'string' },
      data: { type: 'string', default: '.millrace' },
    },
  });
  return { ...values, hosts: wholeNumber('hosts', values.hosts, { min: 1, max: 64 }) ?? 2 };
}

/** Everything between the start and the waiting; tells whether it went as it should. */
async function demonstrate(
  cluster: { readonly nats: string; readonly prefix: string; readonly partitions: number },
  { data, replay, startedMs }: Options & { readonly startedMs: number },
  signal: AbortSignal,
): Promise<boolean> {
  const bus = await natsBus({ url: cluster.nats, name: 'millrace-start' });
  const ports = { bus, clock: systemClock, random: systemRandom() };
  const { prefix, partitions } = cluster;
  const client = clientOn(ports, { prefix, partitions });
  const stop = (): void => void client.close();
  signal.addEventListener('abort', stop);
  const progress = openProgress(join(data, 'demo'));
  const screen = screenOn(process.stdout);
  const demo: Demo = { ...ports, client, market: readRecordedMarket(), progress, screen };
  try {
    return await continueDemo(demo, { replay, startedMs });
  } finally {
    signal.removeEventListener('abort', stop);
    await client.close();
    await bus.close();
  }
}

async function continueDemo(
  demo: Demo,
  { replay, startedMs }: { readonly replay: boolean; readonly startedMs: number },
): Promise<boolean> {
  const state = await stateOf(demo);
  let fine = true;
  if (state !== 'new') {
    say(restoredText(await readHosts(demo, reportsWaitMs), startedMs));
    const resent = await resendDeposits(demo);
    say(resentText(resent));
    fine = resent.other === 0;
  }
  if (state === 'finished' && !replay) {
    say('The recorded market was played to its end before; --replay plays it again.');
    return fine;
  }
  const outcome = await playMarket(demo, state === 'cut-off' ? 'on' : 'anew');
  say(summaryText(outcome));
  const { matched } = outcome.reading;
  return fine && matched === outcome.expected && outcome.differences.length === 0;
}

const reportsWaitMs = 500;

const say = (text: string): void => console.log(text);
