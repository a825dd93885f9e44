/**
 * The port to the message bus. Adapters: `nats/` and `memory/`; both pass
 * `test/conformance/bus.ts`. Delivery is at most once; a request may get `NoResponders` (nobody is
 * subscribed: nothing happened) or `RequestTimeout` (the outcome is unknown).
 */
export interface Bus {
  /** What is larger than the bus carries is reported to the operator and not sent. */
  publish(subject: string, payload: string | Uint8Array, options?: PublishOptions): void;
  request(
    subject: string,
    payload: string | Uint8Array,
    options: RequestOptions,
  ): Promise<BusMessage>;
  /** The handler must not throw; with a queue one subscriber of that queue gets each message. */
  subscribe(subject: string, handler: (message: BusMessage) => void, queue?: string): Subscription;
  /** Resolves when everything published and subscribed so far has reached the server. */
  flush(): Promise<void>;
  /** Calls back after each reconnection: what was published shortly before may be lost. */
  onReconnect(callback: () => void): void;
  close(): Promise<void>;
  /** What the subjects of own inboxes begin with, where it is not `_INBOX`. */
  readonly inboxPrefix?: string;
}

/** A subject of one's own for replies; `id` is unique. */
export const newInbox = ({ inboxPrefix = '_INBOX' }: Bus, id: string): string =>
  `${inboxPrefix}.${id}`;

export interface PublishOptions {
  readonly reply?: string;
  readonly headers?: Headers;
}

export interface RequestOptions {
  readonly timeoutMs: number;
  readonly headers?: Headers;
}

export type Headers = { readonly [name: string]: string };

export interface BusMessage {
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly reply: string | undefined;
  /** The first value of a header; names are case-sensitive. */
  header(name: string): string | undefined;
}

export interface Subscription {
  /** Stops receiving at once. */
  unsubscribe(): void;
  /** Stops after what the server has already sent. */
  drain(): Promise<void>;
}

/** Nobody is subscribed to the subject: the request was not received by anyone. */
export class NoResponders extends Error {
  override readonly name = 'NoResponders';
}

/** No reply in time: whether the request was carried out is unknown. */
export class RequestTimeout extends Error {
  override readonly name = 'RequestTimeout';
}
