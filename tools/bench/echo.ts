/**
 * A process of its own that answers `bench.echo` with as many bytes as our reply has: what NATS
 * request-reply costs with nothing behind it.
 */
import { connect } from 'nats';

const [url = '', bytes = '100'] = process.argv.slice(2);
const connection = await connect({ servers: url });
const reply = Buffer.alloc(Number(bytes), 'x');
connection.subscribe('bench.echo', { callback: (_, message) => void message.respond(reply) });
await connection.flush();
process.send?.('ready');
process.once('disconnect', () => process.exit(0));
