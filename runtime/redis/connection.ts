/**
 * One connection to Redis, made for writes whose fate matters.
 *
 * I1 every call settles: a reply, or a rejection when the connection is lost, closed, or silent for
 *    `silenceMsMax`. A rejected call may have been carried out.
 * I2 nothing is sent twice or later: no offline queue, no resending after a reconnection. The only
 *    repeat is a script that Redis said it does not know (NOSCRIPT), which therefore did not run.
 * I3 calls are carried out in the order in which they were made, and those of one turn of the event
 *    loop go out in one write, so that one fsync of Redis covers them all.
 */
import { Command, Pipeline, Redis } from 'ioredis';
import type { Script } from './scripts.ts';

export type Argument = string | Buffer;

export interface Connection {
  /** Runs a command; strings of the reply come as text. */
  call(name: string, args: readonly Argument[]): Promise<unknown>;
  /** Runs a command; strings of the reply come as bytes. */
  callForBytes(name: string, args: readonly Argument[]): Promise<unknown>;
  run(script: Script, keys: readonly string[], args: readonly Argument[]): Promise<unknown>;
  /** Rejects what is in flight and ends the connection. */
  close(): Promise<void>;
}

export interface ConnectionOptions {
  /** A server that owes a reply and sends nothing for so long counts as lost; default 10 s. */
  readonly silenceMsMax?: number;
  /** Told of connection errors, for the host's log; the calls concerned reject by themselves. */
  readonly onError?: (error: Error) => void;
}

/** Connects, or rejects if the first attempt fails; a connection lost later is made again. */
export async function connectRedis(
  url: string,
  options: ConnectionOptions = {},
): Promise<Connection> {
  const redis = new Redis(url, {
    lazyConnect: true,
    protocol: 2,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    // With 0, ioredis rejects what is in flight at each close; otherwise, and with resending off,
    // those promises would stay open for ever.
    maxRetriesPerRequest: 0,
    retryStrategy: (attempt) => Math.min(10 * 2 ** attempt, 500) * (0.5 + Math.random() / 2),
    connectTimeout: 2_000,
    socketTimeout: options.silenceMsMax ?? 10_000,
  });
  redis.on('error', options.onError ?? (() => {}));
  try {
    await redis.connect();
  } catch (cause) {
    redis.disconnect();
    throw new Error(
      `Redis does not answer at ${new URL(url).host}. Check that it runs and accepts connections.`,
      { cause },
    );
  }
  return new PipelinedConnection(redis);
}

class PipelinedConnection implements Connection {
  readonly #redis: Redis;
  #waiting: Command[] = [];

  constructor(redis: Redis) {
    this.#redis = redis;
  }

  call(name: string, args: readonly Argument[]): Promise<unknown> {
    return this.#enqueue(new Command(name, [...args], { replyEncoding: 'utf8' }));
  }

  callForBytes(name: string, args: readonly Argument[]): Promise<unknown> {
    return this.#enqueue(new Command(name, [...args], { replyEncoding: null }));
  }

  async run(script: Script, keys: readonly string[], args: readonly Argument[]): Promise<unknown> {
    const rest = [`${keys.length}`, ...keys, ...args];
    try {
      return await this.call('evalsha', [script.sha, ...rest]);
    } catch (error) {
      if (!isUnknownScript(error)) throw error;
      return await this.call('eval', [script.source, ...rest]);
    }
  }

  async close(): Promise<void> {
    if (this.#redis.status === 'ready') {
      const ended = new Promise<void>((resolve) => this.#redis.once('end', () => resolve()));
      this.#redis.disconnect();
      await ended;
    } else {
      this.#redis.disconnect();
    }
  }

  #enqueue(command: Command): Promise<unknown> {
    // After the I/O of this turn, so that groups which other partitions close in it join the write.
    if (this.#waiting.length === 0) setImmediate(() => this.#send());
    this.#waiting.push(command);
    return command.promise;
  }

  #send(): void {
    const pipeline = new Pipeline(this.#redis);
    for (const command of this.#waiting) pipeline.sendCommand(command);
    this.#waiting = [];
    // Each command settles its own promise; that of the pipeline adds nothing and never rejects.
    void pipeline.exec();
  }
}

const isUnknownScript = (error: unknown): boolean =>
  error instanceof Error && error.message.startsWith('NOSCRIPT');
