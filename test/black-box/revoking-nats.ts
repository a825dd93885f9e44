/** A way to a NATS server that at some moment knows its users no more. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface RevokingNats {
  readonly url: string;
  /** From now on nobody is let in, and those who are in are sent out. */
  revoke(): void;
  close(): Promise<void>;
}

const information = { server_id: 'revoking', version: '2.9.10', proto: 1, max_payload: 2 ** 20 };
const greeting = `INFO ${JSON.stringify(information)}\r\n`;
const refusal = "-ERR 'Authorization Violation'\r\n";

export async function revokingNats(url: string): Promise<RevokingNats> {
  const { hostname: host, port } = new URL(url);
  const sockets = new Set<Socket>();
  let revoked = false;
  const listener = createServer((client) => {
    client.on('error', () => {});
    if (revoked) {
      client.write(greeting);
      client.once('data', () => client.end(refusal));
      return;
    }
    const server = connect(Number(port), host);
    server.on('error', () => {});
    for (const socket of [client, server]) sockets.add(socket);
    client.pipe(server).pipe(client);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const cut = (): void => sockets.forEach((socket) => socket.destroy());
  return {
    url: `nats://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    revoke: () => {
      revoked = true;
      cut();
    },
    close: async () => {
      cut();
      const closed = once(listener, 'close');
      listener.close();
      await closed;
    },
  };
}
