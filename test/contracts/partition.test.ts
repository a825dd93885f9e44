import { connect } from 'nats';
import { expect, test } from 'vitest';
import { actorKey } from '../../contracts/ids.ts';
import { partitionOf } from '../../contracts/partition.ts';
import { mappedSubject } from '../../contracts/subjects.ts';
import { startNats } from '../../tools/servers.ts';
import { temporaryDirectory } from '../tools/temporary-directory.ts';

test('nats-server maps 1,000 ids to the partitions, and the subjects, that we compute', async () => {
  const dir = await temporaryDirectory();
  const partitions = 64;
  const server = await startNats({ dir, partitions, prefix: 'millrace' });
  const connection = await connect({ servers: server.url });
  try {
    const mapped = new Map<string, number>();
    const heard = new Set<string>();
    connection.subscribe('millrace.part.*.cmd.*.*.probe', {
      callback: (_, { subject }) => {
        heard.add(subject);
        const [, , partition, , type, id] = subject.split('.');
        mapped.set(`${type}/${id}`, Number(partition));
      },
    });
    await connection.flush();
    const keys = Array.from({ length: 1_000 }, (_, n) =>
      n % 2 === 0
        ? actorKey('account', `user_${n * 7919}`)
        : actorKey('symbol', `S${n.toString(36)}-USD`),
    );
    for (const key of keys) connection.publish(`millrace.cmd.${key.replace('/', '.')}.probe`);
    await connection.flush();
    await connection.flush();
    expect(mapped.size).toBe(1_000);
    for (const key of keys) expect(partitionOf(key, partitions)).toBe(mapped.get(key));
    const subjects = keys.map((key) => `millrace.cmd.${key.replace('/', '.')}.probe`);
    expect(new Set(subjects.map((one) => mappedSubject(one, 'millrace', partitions)))).toEqual(
      heard,
    );
  } finally {
    await connection.close();
    await server.stop();
  }
});
