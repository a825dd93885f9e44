/**
 * The bus on NATS. While the connection is down the client keeps what is published and drops it at
 * its next attempt to connect (at most `reconnectMs` later); requests run into their timeout, and
 * subscriptions are made again by the client before anything else is sent. So an outage loses
 * messages, as the port says, and never holds more than a moment's worth of them.
 */
import {
  connect,
  ErrorCode,
  Events,
  NatsError,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
} from 'nats';
import {
  NoResponders,
  RequestTimeout,
  type Bus,
  type BusMessage,
  type Headers,
  type PublishOptions,
} from '../bus.ts';

export interface NatsOptions {
  /**
   * `nats://` or `tls://`, which refuses a server without TLS, with user and password if need be. The
   * user's name is then part of the inboxes, `_INBOX.<user>.>`: permissions can keep users apart.
   */
  readonly url: string;
  /** The connection's name, as the server's monitoring shows it. */
  readonly name: string;
  /** Told of errors of the connection, and of what a subscription's handler threw, which is a bug. */
  readonly onError?: (error: Error) => void;
  /** Told when the client has given up for good, which nobody here asked it to: why, if it says. */
  readonly onClosed?: (reason: string) => void;
}

/** A stalled connection is found after two unanswered pings. */
const pingMs = 1_000;
const reconnectMs = 100;
const connectMs = 2_000;

/** Connects, or rejects if the first attempt fails; a connection lost later is made again. */
export async function natsBus({ url, name, onError, onClosed }: NatsOptions): Promise<Bus> {
  const { protocol, host, username, password } = new URL(
    url.includes('://') ? url : `nats://${url}`,
  );
  const inboxPrefix = inboxPrefixOf(username, password);
  try {
    const connection = await connect({
      servers: host,
      // The client itself ignores what a URL says of these.
      ...(username !== '' && {
        user: decodeURIComponent(username),
        pass: decodeURIComponent(password),
      }),
      ...(protocol === 'tls:' && { tls: {} }),
      ...(inboxPrefix !== undefined && { inboxPrefix }),
      name,
      maxReconnectAttempts: -1,
      reconnectTimeWait: reconnectMs,
      reconnectJitter: reconnectMs,
      timeout: connectMs,
      pingInterval: pingMs,
      maxPingOut: 2,
      noAsyncTraces: true,
    });
    const told = { onError: onError ?? (() => {}), onClosed: onClosed ?? (() => {}) };
    return new NatsBus(connection, inboxPrefix, told);
  } catch (cause) {
    throw new Error(
      `NATS does not answer at ${host}. Check that it runs, accepts connections and knows the user` +
        `${protocol === 'tls:' ? ', and that NODE_EXTRA_CA_CERTS names who signed its certificate' : ''}.`,
      { cause },
    );
  }
}

/** A name alone may be a token, which is a secret; one with dots would be more than one token. */
const inboxPrefixOf = (user: string, password: string): string | undefined =>
  password !== '' && /^[A-Za-z0-9_-]+$/.test(user) ? `_INBOX.${user}` : undefined;

interface Outgoing {
  readonly subject: string;
  readonly bytes: Uint8Array;
  readonly options: PublishOptions | undefined;
}

function publishOptions(options: PublishOptions | undefined): {
  reply?: string;
  headers?: MsgHdrs;
} {
  const sent: { reply?: string; headers?: MsgHdrs } = {};
  if (options?.reply !== undefined) sent.reply = options.reply;
  if (options?.headers) sent.headers = encode(options.headers);
  return sent;
}

class NatsBus implements Bus {
  readonly inboxPrefix: string;
  readonly #connection: NatsConnection;
  readonly #onError: (error: Error) => void;
  readonly #reconnected: (() => void)[] = [];
  #outgoing: Outgoing[] = [];
  /**
   * From a disconnection until those who must say something again are told of the reconnection: what
   * was published in between would overtake it.
   */
  #down = false;
  #closing = false;

  constructor(
    connection: NatsConnection,
    inboxPrefix = '_INBOX',
    { onError, onClosed }: Required<Pick<NatsOptions, 'onError' | 'onClosed'>>,
  ) {
    this.inboxPrefix = inboxPrefix;
    this.#connection = connection;
    this.#onError = onError;
    void this.#watch();
    // It connects again for ever, but not if the server has refused its credentials twice.
    void connection.closed().then((error) => {
      if (!this.#closing) onClosed(error ? error.message : 'the client does not say why');
    });
  }

  /**
   * Sent when the event loop has turned: what many partitions say in one turn leaves in one write
   * (a write for each took a quarter of a busy host's time).
   */
  publish(...[subject, payload, options]: Parameters<Bus['publish']>): void {
    const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
    this.#outgoing.push({ subject, bytes, options });
    if (this.#outgoing.length === 1) setImmediate(() => this.#send());
  }

  #send(): void {
    const outgoing = this.#outgoing;
    this.#outgoing = [];
    if (this.#connection.isClosed() || this.#down) return;
    for (const { subject, bytes, options } of outgoing) {
      // The client throws at what is larger than the server takes: told, and not sent.
      this.#guarded(() => this.#connection.publish(subject, bytes, publishOptions(options)));
    }
  }

  async request(...[subject, payload, options]: Parameters<Bus['request']>): Promise<BusMessage> {
    if (this.#connection.isClosed()) throw new NoResponders(`${subject}: the bus is closed`);
    this.#send();
    try {
      const message = await this.#connection.request(subject, payload, {
        // The client takes 0 for its own default and refuses less than 1.
        timeout: Math.max(1, options.timeoutMs),
        ...(options.headers && { headers: encode(options.headers) }),
      });
      return new NatsMessage(message);
    } catch (cause) {
      throw requestFailure(subject, cause);
    }
  }

  subscribe(
    ...[subject, handler, queue]: Parameters<Bus['subscribe']>
  ): ReturnType<Bus['subscribe']> {
    // Who comes now does not hear what was said before, and who goes does.
    this.#send();
    const subscription = this.#connection.subscribe(subject, {
      ...(queue !== undefined && { queue }),
      // An exception that reached the client would end its read loop for every subscription.
      callback: (error, message) => {
        if (error) this.#onError(error);
        else this.#guarded(() => handler(new NatsMessage(message)));
      },
    });
    return {
      unsubscribe: () => {
        this.#send();
        subscription.unsubscribe();
      },
      drain: async () => {
        this.#send();
        if (!subscription.isClosed() && !this.#connection.isClosed()) await subscription.drain();
      },
    };
  }

  flush(): Promise<void> {
    this.#send();
    return this.#connection.flush();
  }

  onReconnect(callback: () => void): void {
    this.#reconnected.push(callback);
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#send();
    if (this.#connection.isClosed()) return;
    // What was published just before may still lie in the client's buffer.
    await this.#connection.flush().catch(() => {});
    await this.#connection.close();
  }

  #guarded(callback: () => void): void {
    try {
      callback();
    } catch (thrown) {
      this.#onError(thrown instanceof Error ? thrown : new Error(String(thrown)));
    }
  }

  async #watch(): Promise<void> {
    for await (const status of this.#connection.status()) {
      if (status.type === Events.Disconnect) this.#down = true;
      if (status.type === Events.Reconnect) {
        // Published while it was down and not yet dropped: it would go out before what comes now.
        this.#outgoing = [];
        this.#down = false;
        this.#reconnected.forEach((callback) => this.#guarded(callback));
      }
      if (status.type === Events.Error)
        this.#onError(new Error(`NATS: ${JSON.stringify(status.data)}`));
    }
  }
}

class NatsMessage implements BusMessage {
  readonly #message: Msg;
  #headers: string | undefined;

  constructor(message: Msg) {
    this.#message = message;
  }

  get subject(): string {
    return this.#message.subject;
  }

  get payload(): Uint8Array {
    return this.#message.data;
  }

  get reply(): string | undefined {
    return this.#message.reply || undefined;
  }

  header(name: string): string | undefined {
    this.#headers ??= rawHeaders(this.#message);
    if (this.#headers === '') return undefined;
    const line = this.#headers.indexOf(`\r\n${name}:`);
    if (line < 0) return undefined;
    const from = line + name.length + 3;
    return this.#headers.slice(from, this.#headers.indexOf('\r\n', from)).trim();
  }
}

/**
 * The client builds a map of every message's headers, one way and the other: a third of what a
 * request costs here. It asks of headers to be sent only that they can `encode` themselves, and
 * gives those received as bytes, which are searched for the two names that we look for.
 */
function encode(named: Headers): MsgHdrs {
  let text = 'NATS/1.0\r\n';
  for (const name in named) text += `${name}: ${named[name]}\r\n`;
  const bytes = Buffer.from(`${text}\r\n`);
  return { encode: () => bytes } as unknown as MsgHdrs;
}

/** As Latin-1: an id beyond ASCII is refused anyway. */
function rawHeaders(message: Msg): string {
  const { _msg: place, _rdata: bytes } = message as unknown as {
    readonly _msg: { readonly hdr: number };
    readonly _rdata: Uint8Array | undefined;
  };
  if (bytes === undefined || place.hdr <= 0) return '';
  return Buffer.from(bytes.buffer, bytes.byteOffset, place.hdr).toString('latin1');
}

/** What a failed request means; what the client refused to send at all stays the caller's own error. */
function requestFailure(subject: string, cause: unknown): unknown {
  if (!(cause instanceof NatsError)) return cause;
  switch (cause.code) {
    case ErrorCode.NoResponders:
      return new NoResponders(subject, { cause });
    case ErrorCode.Timeout:
    case ErrorCode.Cancelled:
    case ErrorCode.ConnectionClosed:
    case ErrorCode.Disconnect:
      return new RequestTimeout(subject, { cause });
    default:
      return cause;
  }
}
