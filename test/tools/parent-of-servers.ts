/** A process that starts both servers in the given directory, prints their pids, and waits. */
import { startNats, startRedis } from '../../tools/servers.ts';

const [dir = ''] = process.argv.slice(2);
const redis = await startRedis({ dir });
const nats = await startNats({ dir, partitions: 4, prefix: 'millrace' });
console.log(JSON.stringify([redis.pid, nats.pid]));
