/**
 * NATS as a process sees it: the memory hub behind connections that take time, stall and break.
 *
 * Within a connection everything arrives in order, as over TCP; requests and replies may besides be
 * lost, doubled or overtaken, as behind a slow consumer or across a cluster of servers. Events are
 * not, for a round trip behind them is all that tells their publisher that they have arrived.
 */
import { mappedSubject } from '../../contracts/subjects.ts';
import {
  NoResponders,
  RequestTimeout,
  type Bus,
  type BusMessage,
  type PublishOptions,
  type RequestOptions,
  type Subscription,
} from '../../runtime/bus.ts';
import { memoryHub, type MemoryHub } from '../../runtime/memory/bus.ts';
import type { Life } from './life.ts';
import type { ServerOptions } from './redis.ts';
import { delayOf } from './weather.ts';
import { Wire } from './wire.ts';

export interface NatsOptions extends ServerOptions {
  readonly prefix: string;
  /** How many partitions the server maps subjects to; without it, it maps none. */
  readonly mapped: number | undefined;
}

export class SimulatedNats {
  readonly hub: MemoryHub;
  readonly #options: NatsOptions;
  readonly #connections = new Set<NatsConnection>();
  #up = true;

  constructor(options: NatsOptions) {
    this.#options = options;
    const { schedule, prefix, mapped, trace } = options;
    this.hub = memoryHub({
      clock: {
        after: (ms, callback) => schedule.after(ms, callback),
        soon: (callback) => void schedule.after(0, callback),
      },
      onError: (error) => trace.add(`nats   error: ${String(error)}`),
      mapping: (subject) =>
        mapped === undefined ? subject : mappedSubject(subject, prefix, mapped),
    });
  }

  get isUp(): boolean {
    return this.#up;
  }

  connect(life: Life): NatsConnection {
    const connection = new NatsConnection(this, { ...this.#options, life });
    this.#connections.add(connection);
    life.onEnd(() => {
      this.#connections.delete(connection);
      connection.cut();
    });
    return connection;
  }

  /** The server dies: every connection is lost, and what was under way with it. */
  stop(): void {
    this.#up = false;
    for (const connection of this.#connections) connection.cut();
  }

  start(): void {
    this.#up = true;
  }
}

interface ConnectionOptions extends NatsOptions {
  readonly life: Life;
}

interface Session {
  readonly server: Bus;
  readonly up: Wire;
  readonly down: Wire;
}

interface Subscribed {
  readonly subject: string;
  readonly queue: string | undefined;
  readonly handler: (message: BusMessage) => void;
  remote: Subscription | undefined;
  open: boolean;
}

/** As the adapter in `runtime/nats/` has it. */
const reconnectMs = 100;
const patienceMs = 2_500;
/** How long the server keeps the subscriptions of a connection whose end it did not see. */
const lingerMs = 2_000;

/** One connection; after it was cut it comes back by itself, with its subscriptions. */
export class NatsConnection implements Bus {
  readonly #server: SimulatedNats;
  readonly #options: ConnectionOptions;
  readonly #subscribed = new Set<Subscribed>();
  readonly #flushes = new Set<() => void>();
  readonly #reconnected: (() => void)[] = [];
  #session: Session | undefined;
  #outUntil = 0;
  #closed = false;

  constructor(server: SimulatedNats, options: ConnectionOptions) {
    this.#server = server;
    this.#options = options;
    this.#session = this.#open();
  }

  publish(subject: string, payload: string | Uint8Array, options?: PublishOptions): void {
    const { life } = this.#options;
    life.boundary();
    if (life.isDead) return;
    this.#tell('says', subject, payload);
    const session = this.#session;
    if (session === undefined) return;
    const arrive = (): void => session.server.publish(subject, payload, options);
    if (this.#isEvent(subject)) session.up.send(arrive);
    else this.#sendByChance(session.up, arrive);
  }

  request(
    subject: string,
    payload: string | Uint8Array,
    options: RequestOptions,
  ): Promise<BusMessage> {
    const { life } = this.#options;
    if (this.#closed) return Promise.reject(new NoResponders(`${subject}: the bus is closed`));
    life.boundary();
    return new Promise((resolve, reject) => {
      if (life.isDead) return;
      this.#tell('asks', subject, payload);
      const timer = life.clock.after(options.timeoutMs, () => reject(new RequestTimeout(subject)));
      const session = this.#session;
      if (session === undefined) return;
      const hear = (settle: () => void): void =>
        this.#sendByChance(session.down, () =>
          this.#reach(() => {
            timer.cancel();
            settle();
          }),
        );
      this.#sendByChance(session.up, () => {
        session.server.request(subject, payload, options).then(
          (message) => hear(() => resolve(message)),
          (error: unknown) => {
            // Its own timer tells the process, however long the server would wait.
            if (!(error instanceof RequestTimeout)) hear(() => reject(error));
          },
        );
      });
    });
  }

  subscribe(
    ...[subject, handler, queue]: Parameters<Bus['subscribe']>
  ): ReturnType<Bus['subscribe']> {
    const subscribed: Subscribed = { subject, queue, handler, remote: undefined, open: true };
    this.#subscribed.add(subscribed);
    if (this.#session) this.#announce(this.#session, subscribed);
    const leave = (): void => void this.#subscribed.delete(subscribed);
    return {
      unsubscribe: () => {
        subscribed.open = false;
        leave();
        this.#session?.up.send(() => subscribed.remote?.unsubscribe());
      },
      drain: () => {
        leave();
        const session = this.#session;
        if (session === undefined) return Promise.resolve();
        return new Promise((resolve) =>
          session.up.send(
            () =>
              void subscribed.remote
                ?.drain()
                .then(() => session.down.send(() => this.#reach(resolve))),
          ),
        );
      },
    };
  }

  flush(): Promise<void> {
    const { life } = this.#options;
    return new Promise((resolve, reject) => {
      if (life.isDead) return;
      const lost = new Error('the connection to NATS is lost');
      const fail = (): void => {
        this.#flushes.delete(fail);
        reject(lost);
      };
      this.#flushes.add(fail);
      const session = this.#session;
      if (session === undefined) {
        life.clock.after(reconnectMs, fail);
        return;
      }
      session.up.send(
        () =>
          void session.server.flush().then(() =>
            session.down.send(() =>
              this.#reach(() => {
                if (this.#flushes.delete(fail)) resolve();
              }),
            ),
          ),
      );
    });
  }

  onReconnect(callback: () => void): void {
    this.#reconnected.push(callback);
  }

  /** What was published just before still arrives, unless the connection ends meanwhile. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#session) await this.flush().catch(() => {});
    this.#end(0);
  }

  /** Breaks the connection, so that it cannot be made again for so long. */
  cut(outMs = 0): void {
    const { schedule, life, dice } = this.#options;
    this.#outUntil = Math.max(this.#outUntil, schedule.now + outMs);
    // A server sees at once that a process is gone, but not that a cable is.
    const seen = life.isDead || !this.#server.isUp;
    this.#end(seen ? 0 : dice.between(0, lingerMs));
    if (!life.isDead && !this.#closed) this.#reconnectLater();
  }

  /** For so long nothing arrives in this direction; unanswered pings make the client give up. */
  stall(direction: 'up' | 'down', ms: number): void {
    const session = this.#session;
    if (session === undefined) return;
    const { schedule, life } = this.#options;
    session[direction].stall();
    schedule.after(Math.min(ms, patienceMs), () => {
      if (ms <= patienceMs) session[direction].flow();
      else if (this.#session === session && !life.isDead) this.cut(ms - patienceMs);
    });
  }

  /** What hinders it ends; what an outage took is gone. */
  heal(): void {
    this.#outUntil = 0;
    this.#session?.up.flow();
    this.#session?.down.flow();
  }

  #open(): Session | undefined {
    const { schedule, dice, weather } = this.#options;
    if (!this.#server.isUp || schedule.now < this.#outUntil) return undefined;
    const wire = { schedule, dice, delayMs: () => delayOf(weather(), dice) };
    return { server: this.#server.hub.connect(), up: new Wire(wire), down: new Wire(wire) };
  }

  #end(lingerMs: number): void {
    const session = this.#session;
    if (session === undefined) return;
    this.#session = undefined;
    session.up.end(0);
    session.down.end(undefined);
    const close = (): void => {
      // What is still on its way to the server comes too late.
      session.up.close();
      void session.server.close();
    };
    if (lingerMs === 0) close();
    else this.#options.schedule.after(lingerMs, close);
    const { life } = this.#options;
    for (const fail of [...this.#flushes]) life.reach(fail);
  }

  #reconnectLater(): void {
    const { life, dice } = this.#options;
    life.clock.after(dice.between(reconnectMs / 2, reconnectMs * 2), () => {
      if (this.#session !== undefined || this.#closed) return;
      const session = (this.#session = this.#open());
      if (session === undefined) {
        this.#reconnectLater();
        return;
      }
      for (const subscribed of this.#subscribed) this.#announce(session, subscribed);
      this.#options.trace.add(`nats   ${life.name} is connected again`);
      for (const callback of this.#reconnected) callback();
    });
  }

  #announce(session: Session, subscribed: Subscribed): void {
    const { subject, queue } = subscribed;
    const arrive = (message: BusMessage): void => {
      const hear = (): void => {
        if (!subscribed.open) return;
        this.#tell('hears', message.subject, message.payload);
        subscribed.handler(message);
      };
      if (this.#isEvent(message.subject)) session.down.send(() => this.#reach(hear));
      else this.#sendByChance(session.down, () => this.#reach(hear));
    };
    session.up.send(() => {
      if (subscribed.open) subscribed.remote = session.server.subscribe(subject, arrive, queue);
    });
  }

  #isEvent(subject: string): boolean {
    return subject.startsWith(`${this.#options.prefix}.evt.`);
  }

  /** Sends along a wire, or what the weather makes of that. */
  #sendByChance(wire: Wire, deliver: () => void): void {
    const { dice, weather, schedule } = this.#options;
    const { lost, doubled, overtaken } = weather();
    if (dice.chance(lost)) return;
    if (dice.chance(overtaken)) {
      schedule.after(dice.pause(50), () => wire.send(deliver));
      return;
    }
    wire.send(deliver);
    if (dice.chance(doubled)) schedule.after(dice.pause(50), () => wire.send(deliver));
  }

  #reach(callback: () => void): void {
    const { life } = this.#options;
    life.reach(() => {
      life.boundary();
      if (!life.isDead) callback();
    });
  }

  #tell(does: string, subject: string, { length }: { readonly length: number }): void {
    this.#options.trace.add(`nats   ${this.#options.life.name} ${does} ${subject} (${length})`);
  }
}
