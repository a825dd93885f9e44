import { createServer, connect as dial, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { keys } from '../../contracts/keys.ts';
import { connectRedis, type ConnectionOptions } from '../../runtime/redis/connection.ts';
import { redisLeases } from '../../runtime/redis/leases.ts';
import { redisLog } from '../../runtime/redis/log.ts';
import { startRedis } from '../../tools/servers.ts';
import { group, own } from '../conformance/log.ts';
import { useRedis } from '../conformance/stores.ts';
import { temporaryDirectory } from '../tools/temporary-directory.ts';
import { until } from '../tools/until.ts';

const redis = useRedis();

async function newConnection(options: ConnectionOptions = {}, url = redis().server.url) {
  const connection = await connectRedis(url, options);
  onTestFinished(() => connection.close());
  return connection;
}

/** Whether a connection answers: false while it is being made again. */
const answers = (connection: Awaited<ReturnType<typeof connectRedis>>) => () =>
  connection.call('ping', []).then(
    () => true,
    () => false,
  );

/** Whether a client waits in BLPOP. */
const isBlocked = async () =>
  String(await redis().connection.call('client', ['list'])).includes('cmd=blpop');

test('a connection that is cut rejects what is in flight, and comes back', async () => {
  const connection = await newConnection();
  const inFlight = [connection.call('blpop', ['nothing', '0']), connection.call('incr', ['n'])];
  const rejected = Promise.all(inFlight.map((call) => expect(call).rejects.toThrow()));
  await until(isBlocked);
  await redis().connection.call('client', ['kill', 'type', 'normal', 'skipme', 'yes']);
  await rejected;
  await until(answers(connection));
  expect(await connection.call('get', ['n'])).toBeNull();
});

test('a server that owes an answer and says nothing counts as lost', async () => {
  const connection = await newConnection({ silenceMsMax: 50 });
  await redis().connection.call('client', ['pause', '300', 'all']);
  await expect(connection.call('ping', [])).rejects.toThrow();
  await until(answers(connection));
});

test('closing rejects what is in flight, and everything after it', async () => {
  const connection = await connectRedis(redis().server.url);
  const call = connection.call('blpop', ['nothing', '0']);
  const rejected = expect(call).rejects.toThrow();
  await until(isBlocked);
  await connection.close();
  await rejected;
  await expect(connection.call('ping', [])).rejects.toThrow();
  await connection.close();
});

test('says which server does not answer', async () => {
  await expect(connectRedis('redis://127.0.0.1:1')).rejects.toThrow('127.0.0.1:1');
});

test('calls of one turn of the event loop go out in one write, in order', async () => {
  let writes = 0;
  const proxy = createServer((client) => {
    const server = dial(redis().server.port, '127.0.0.1');
    client.on('data', (chunk) => {
      writes += 1;
      server.write(chunk);
    });
    server.pipe(client);
    client.on('close', () => server.destroy());
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  onTestFinished(() => void proxy.close());
  const { port } = proxy.address() as AddressInfo;
  const connection = await newConnection({}, `redis://127.0.0.1:${port}`);
  writes = 0;
  const values = Array.from({ length: 100 }, (_, i) => `${i}`);
  const lengths = await Promise.all(
    values.map(async (value) => {
      await Promise.resolve();
      return connection.call('rpush', ['one-write', value]);
    }),
  );
  expect(writes).toBe(1);
  expect(lengths).toEqual(values.map((value) => Number(value) + 1));
});

test('scripts that Redis has forgotten are sent again', async () => {
  const { connection } = redis();
  await connection.call('flushall', []);
  const [leases, log] = [redisLeases(connection), redisLog(connection)];
  const fence = await own(leases, 'a');
  await connection.call('script', ['flush']);
  expect(await log.append(group(fence, 0, 1))).toBe('ok');
});

test('a restarted Redis still knows owner, log and top', async () => {
  const dir = await temporaryDirectory();
  const first = await startRedis({ dir });
  const connection = await newConnection({}, first.url);
  const log = redisLog(connection);
  const fence = await own(redisLeases(connection), 'a');
  await log.append(group(fence, 0, 3));
  await first.stop();
  await expect(log.append(group(fence, 3, 1))).rejects.toThrow();
  const second = await startRedis({ dir, port: first.port });
  onTestFinished(() => second.stop());
  await until(answers(connection));
  expect(await log.append(group(fence, 0, 3))).toBe('already');
  expect(await log.append(group(fence, 3, 1))).toBe('ok');
});

test('Redis itself refuses what a former owner adds past the scripts', async () => {
  const { connection } = redis();
  await connection.call('flushall', []);
  const leases = redisLeases(connection);
  const former = await own(leases, 'a');
  const stream = keys.log(former.partition);
  await redisLog(connection).append(group(former, 0, 2));
  await own(leases, 'b');
  for (const id of [`${former.epoch}-3`, `${former.epoch}-1000000`]) {
    const stale = connection.call('xadd', [stream, id, 'n', '1', 'records', '[{}]']);
    await expect(stale).rejects.toThrow('equal or smaller');
  }
});

test('an entry that a stranger adds stops the partition loudly', async () => {
  const { connection } = redis();
  await connection.call('flushall', []);
  const [leases, log] = [redisLeases(connection), redisLog(connection)];
  const fence = await own(leases, 'a');
  await log.append(group(fence, 0, 2));
  await connection.call('xadd', [keys.log(fence.partition), '*', 'note', 'hello']);
  expect(await log.append(group(fence, 2, 1))).toBe('diverged');
  await expect(own(leases, 'b')).rejects.toThrow('lost-tail');
});

test('chunks of a snapshot that never became valid expire', async () => {
  const { connection } = redis();
  await connection.call('flushall', []);
  const [leases, log] = [redisLeases(connection), redisLog(connection)];
  const fence = await own(leases, 'a');
  const snapshot = {
    actor: 'symbol/x',
    version: 1,
    position: 1,
    hash: 'h',
    state: 'x'.repeat(600_000),
  };
  const chunks = keys.chunks(fence.partition, snapshot.actor, 1);
  const saving = log.saveSnapshots(fence, [snapshot]);
  await until(async () => (await connection.call('exists', [chunks])) === 1);
  expect(Number(await connection.call('ttl', [chunks]))).not.toBe(0);
  expect(await saving).toBe('ok');
  expect(await connection.call('ttl', [chunks])).toBe(-1);
  await log.saveSnapshots(fence, [{ ...snapshot, version: 2, state: '1' }]);
  expect(await connection.call('exists', [chunks])).toBe(0);
});
