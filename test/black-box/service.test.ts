import { RequestStrategy } from 'nats';
import { describe, expect, test } from 'vitest';
import { removeFolder, startCluster, temporaryFolder, type Cluster } from './cluster.ts';
import { until } from './condition.ts';
import { fresh, useCluster } from './suite.ts';
import { readOf, wireOver, type Answer, type Wire } from './wire.ts';

const suite = useCluster();

interface ServiceAnswer {
  readonly type: string;
  readonly name: string;
  readonly id: string;
  readonly version: string;
  readonly endpoints?: readonly {
    readonly name: string;
    readonly num_requests?: number;
    readonly data?: Data;
  }[];
  readonly data?: Data;
}
interface Data {
  readonly partitions: readonly {
    readonly partition: number;
    readonly epoch: number;
    readonly lag: number;
  }[];
}

/** What both hosts answer to a discovery request. */
async function discover(subject: string): Promise<ServiceAnswer[]> {
  const answers: ServiceAnswer[] = [];
  const replies = await suite.wire.connection.requestMany(subject, '', {
    strategy: RequestStrategy.Count,
    maxMessages: 2,
    maxWait: 5_000,
  });
  for await (const message of replies) answers.push(message.json<ServiceAnswer>());
  return answers;
}

describe('NATS service discovery', () => {
  test.each(['$SRV.PING', '$SRV.PING.millrace'])('%s is answered by each host', async (subject) => {
    const answers = await discover(subject);
    expect(answers).toHaveLength(2);
    for (const answer of answers) {
      expect(answer).toMatchObject({ type: 'io.nats.micro.v1.ping_response', name: 'millrace' });
      expect(answer.version).toMatch(/^\d+\.\d+\.\d+/);
    }
    expect(new Set(answers.map((answer) => answer.id)).size).toBe(2);
  });

  test('$SRV.INFO names one endpoint per actor type', async () => {
    for (const answer of await discover('$SRV.INFO.millrace')) {
      expect(answer.type).toBe('io.nats.micro.v1.info_response');
      const names = answer.endpoints?.map((endpoint) => endpoint.name);
      expect(names).toEqual(expect.arrayContaining(['account', 'symbol']));
    }
  });

  test('$SRV.STATS tells which host owns which partition, at which epoch and lag', async () => {
    const answers = await discover('$SRV.STATS.millrace');
    const owned = answers.flatMap((answer) => {
      expect(answer.type).toBe('io.nats.micro.v1.stats_response');
      return (answer.data ?? answer.endpoints?.[0]?.data)?.partitions ?? [];
    });
    expect(owned.map((each) => each.partition).toSorted((one, other) => one - other)).toEqual(
      Array.from({ length: suite.cluster.partitions }, (_, partition) => partition),
    );
    for (const each of owned) {
      expect(each.epoch).toBeGreaterThan(0);
      expect(each.lag).toBeGreaterThanOrEqual(0);
    }
  });
});

describe('up', () => {
  const deposit = { asset: 'USD', amount: '1.00' };
  const accounts = Array.from({ length: 64 }, () => `account/${fresh('kept')}`);

  test('keeps the data; ends its servers and hosts on SIGTERM, with status 0', async () => {
    const data = await temporaryFolder();
    const started: Cluster[] = [];
    const start = async (): Promise<Wire> => {
      const cluster = await startCluster({ data });
      started.push(cluster);
      return wireOver(await cluster.connect());
    };
    const depositAll = (wire: Wire): Promise<Answer[]> =>
      Promise.all(accounts.map((account) => wire.cmd(account, 'deposit', deposit, 'd1')));
    try {
      const before = await depositAll(await start());
      const [first] = started;
      expect(await first?.terminate()).toBe(0);
      for (const pid of first?.hosts.values() ?? []) {
        await until(`host ${pid} has ended`, () => (isRunning(pid) ? undefined : true));
      }
      const after = await depositAll(await start());
      expect(after.map((answer) => answer.text)).toEqual(before.map((answer) => answer.text));
    } finally {
      for (const cluster of started) await cluster.stop();
      await removeFolder(data);
    }
  });

  test('says ready only when every partition answers', async () => {
    const data = await temporaryFolder();
    try {
      for (let start = 0; start < 3; start++) {
        const cluster = await startCluster({ data });
        try {
          const wire = wireOver(await cluster.connect());
          await Promise.all(
            accounts.map(async (account) => readOf(await wire.get(account, 'balance'))),
          );
        } finally {
          await cluster.stop();
        }
      }
    } finally {
      await removeFolder(data);
    }
  });
});

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
