/**
 * A TCP proxy that misbehaves on request: it stands between a host and Redis or NATS.
 *
 * Owns the connections through it and what befalls them (`Trouble`). Bytes that it holds back or
 * drops belong to one direction of one connection; a connection that lost bytes is never made whole
 * again, for nothing could be understood after the gap: `heal` cuts it.
 */
import { createServer, connect, type Server, type Socket } from 'node:net';
import { once } from 'node:events';

/**
 * What befalls connections: `refuse` cuts them and takes no new ones; `mute` drops what the server
 * says (a request is carried out, its reply never comes); `deaf` drops what the server is told;
 * `slow` holds everything back for `ms`.
 */
export type Trouble =
  | { readonly kind: 'none' }
  | { readonly kind: 'refuse' | 'mute' | 'deaf' }
  | { readonly kind: 'slow'; readonly ms: number };

type Direction = 'deaf' | 'mute';

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  /** The directions in which bytes were dropped: nothing more may follow in them. */
  readonly torn: Set<Direction>;
}

export class TcpProxy {
  readonly #target: number;
  readonly #listener: Server;
  readonly #pairs = new Set<Pair>();
  #trouble: Trouble = { kind: 'none' };

  private constructor(target: number) {
    this.#target = target;
    this.#listener = createServer((client) => this.#open(client));
  }

  /** Listens on a free port of 127.0.0.1 and passes on to `target`, a port there. */
  static async to(target: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    proxy.#listener.listen(0, '127.0.0.1');
    await once(proxy.#listener, 'listening');
    return proxy;
  }

  get port(): number {
    const address = this.#listener.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** From now on, for connections that are there and for new ones. */
  set trouble(trouble: Trouble) {
    this.#trouble = trouble;
    if (trouble.kind === 'refuse') this.cut();
  }

  /** No more trouble; connections that lost bytes are cut. */
  heal(): void {
    this.#trouble = { kind: 'none' };
    for (const pair of this.#pairs) if (pair.torn.size > 0) end(pair);
  }

  /** Ends every connection, whatever is under way on it. */
  cut(): void {
    for (const pair of this.#pairs) end(pair);
  }

  async close(): Promise<void> {
    const closed = once(this.#listener, 'close');
    this.#listener.close();
    this.cut();
    await closed;
  }

  #open(client: Socket): void {
    if (this.#trouble.kind === 'refuse') {
      client.on('error', () => {});
      client.destroy();
      return;
    }
    const pair = { client, server: connect(this.#target, '127.0.0.1'), torn: new Set<Direction>() };
    this.#pairs.add(pair);
    this.#carry(pair, 'deaf');
    this.#carry(pair, 'mute');
    for (const socket of [pair.client, pair.server]) {
      socket.setNoDelay(true);
      socket.on('error', () => {});
      socket.on('close', () => {
        this.#pairs.delete(pair);
        end(pair);
      });
    }
  }

  /** One direction, which the trouble of this kind drops. */
  #carry(pair: Pair, dropped: Direction): void {
    const [from, to] = dropped === 'deaf' ? [pair.client, pair.server] : [pair.server, pair.client];
    let held = Promise.resolve();
    from.on('data', (bytes) => {
      const trouble = this.#trouble;
      if (trouble.kind === dropped) pair.torn.add(dropped);
      if (pair.torn.has(dropped)) return;
      const pauseMs = trouble.kind === 'slow' ? trouble.ms : 0;
      // Through one queue, so that nothing overtakes what is held back.
      const due =
        pauseMs === 0 ? undefined : new Promise((resolve) => setTimeout(resolve, pauseMs));
      held = held.then(() => due).then(() => pass(from, to, bytes));
    });
  }
}

/** As fast as the other side takes it: a proxy must not be a buffer. */
function pass(from: Socket, to: Socket, bytes: Buffer): void {
  if (to.destroyed || to.write(bytes)) return;
  from.pause();
  to.once('drain', () => from.resume());
}

function end({ client, server }: Pair): void {
  client.destroy();
  server.destroy();
}
