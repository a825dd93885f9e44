/** What every implementation of the bus does. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { NoResponders, RequestTimeout, type Bus, type BusMessage } from '../../runtime/bus.ts';
import { until } from '../black-box/condition.ts';

export interface BusNetwork {
  /** A new client. */
  connect(): Promise<Bus>;
  /** What any client reported to the operator: what handlers threw, what was too large to send. */
  readonly reported: unknown[];
  close(): Promise<void>;
}

/** The bytes of the largest payload that a NATS server takes by default. */
const largest = 1024 * 1024;

const text = (message: BusMessage): string => new TextDecoder().decode(message.payload);

export function busConformance(open: () => Promise<BusNetwork>): void {
  let network: BusNetwork;
  let here: Bus;
  let there: Bus;
  beforeEach(async () => {
    network = await open();
    here = await network.connect();
    there = await network.connect();
  });
  afterEach(async () => {
    await Promise.all([here.close(), there.close()]);
    await network.close();
  });

  /** Subscribes at once with everything in effect, and collects what comes as `subject=text`. */
  const collect = async (bus: Bus, subject: string, queue?: string): Promise<string[]> => {
    const heard: string[] = [];
    bus.subscribe(subject, (message) => heard.push(`${message.subject}=${text(message)}`), queue);
    await bus.flush();
    return heard;
  };

  /** Returns once everything that `from` published has been handled by `to`. */
  const settled = async (from: Bus, to: Bus): Promise<void> => {
    const marker = `marker.${Math.random()}`;
    const { promise, resolve } = Promise.withResolvers<void>();
    to.subscribe(marker, () => resolve());
    await to.flush();
    from.publish(marker, '');
    await promise;
  };

  describe('publish', () => {
    test('reaches every subscriber of the subject, in order, the publisher too', async () => {
      const [one, two, own] = [
        await collect(there, 'a.b'),
        await collect(there, 'a.b'),
        await collect(here, 'a.b'),
      ];
      for (const payload of ['1', '2', '3']) here.publish('a.b', payload);
      here.publish('a.c', 'other');
      await settled(here, there);
      await settled(here, here);
      for (const heard of [one, two, own]) expect(heard).toEqual(['a.b=1', 'a.b=2', 'a.b=3']);
    });

    test('is not heard before it has returned', async () => {
      const heard = await collect(here, 'a');
      here.publish('a', '1');
      expect(heard).toEqual([]);
      await settled(here, here);
      expect(heard).toEqual(['a=1']);
    });

    test('follows wildcards: * is one token, > is one or more at the end', async () => {
      const star = await collect(there, 'a.*.c');
      const rest = await collect(there, 'a.>');
      const all = await collect(there, 'a.b.c');
      for (const subject of ['a', 'a.b', 'a.b.c', 'a.x.c', 'a.b.c.d', 'b.b.c'])
        here.publish(subject, '');
      await settled(here, there);
      expect(star).toEqual(['a.b.c=', 'a.x.c=']);
      expect(rest).toEqual(['a.b=', 'a.b.c=', 'a.x.c=', 'a.b.c.d=']);
      expect(all).toEqual(['a.b.c=']);
    });

    test('gives each message to one subscriber of a queue group, and to every group', async () => {
      const first = [await collect(here, 'a.>', 'first'), await collect(there, 'a.>', 'first')];
      const second = [await collect(here, 'a.*', 'second'), await collect(there, 'a.*', 'second')];
      const plain = await collect(there, 'a.b');
      for (let i = 0; i < 200; i++) here.publish('a.b', `${i}`);
      await settled(here, here);
      await settled(here, there);
      for (const group of [first, second]) {
        expect(group.flat()).toHaveLength(200);
        expect(new Set(group.flat()).size).toBe(200);
        for (const member of group) expect(member.length).toBeGreaterThan(0);
      }
      expect(plain).toHaveLength(200);
    });

    test('carries bytes, the reply subject and headers', async () => {
      const { promise, resolve } = Promise.withResolvers<BusMessage>();
      there.subscribe('a', resolve);
      await there.flush();
      const bytes = Uint8Array.from([0, 255, 10, 13]);
      here.publish('a', bytes, {
        reply: 'inbox.1',
        headers: { traceparent: 'x', 'Nats-Msg-Id': 'id 1' },
      });
      const message = await promise;
      expect([...message.payload]).toEqual([0, 255, 10, 13]);
      expect(message.reply).toBe('inbox.1');
      expect(message.header('Nats-Msg-Id')).toBe('id 1');
      expect(message.header('nats-msg-id')).toBeUndefined();
      expect(message.header('toString')).toBeUndefined();
    });

    test('without reply and headers has neither', async () => {
      const { promise, resolve } = Promise.withResolvers<BusMessage>();
      there.subscribe('a', resolve);
      await there.flush();
      here.publish('a', '');
      const message = await promise;
      expect([message.reply, message.header('x'), message.payload.length]).toEqual([
        undefined,
        undefined,
        0,
      ]);
    });

    test('what is larger than the bus carries is reported and not sent, what is as large is', async () => {
      const sizes: number[] = [];
      there.subscribe('a', ({ payload }) => sizes.push(payload.length));
      await there.flush();
      here.publish('a', new Uint8Array(largest + 1));
      here.publish('a', new Uint8Array(largest));
      await settled(here, there);
      expect(sizes).toEqual([largest]);
      expect(network.reported).toEqual([expect.any(Error)]);
    });
  });

  describe('subscriptions', () => {
    test('unsubscribed ones hear nothing more', async () => {
      const heard: string[] = [];
      const subscription = there.subscribe('a', (message) => heard.push(text(message)));
      await there.flush();
      here.publish('a', '1');
      await settled(here, there);
      subscription.unsubscribe();
      await there.flush();
      here.publish('a', '2');
      await settled(here, there);
      expect(heard).toEqual(['1']);
    });

    test('drained ones hear what was sent before, and nothing more', async () => {
      const heard: string[] = [];
      const subscription = here.subscribe('a', (message) => heard.push(text(message)));
      await here.flush();
      for (let i = 0; i < 100; i++) here.publish('a', `${i}`);
      await here.flush();
      await subscription.drain();
      expect(heard).toHaveLength(100);
      here.publish('a', 'late');
      await settled(here, here);
      expect(heard).toHaveLength(100);
      await subscription.drain();
    });

    test('a handler that throws is reported and stops neither itself nor others', async () => {
      const heard = await collect(there, 'a');
      const bug = new Error('a bug');
      there.subscribe('a', () => {
        throw bug;
      });
      await there.flush();
      here.publish('a', '1');
      here.publish('a', '2');
      await settled(here, there);
      expect(heard).toEqual(['a=1', 'a=2']);
      expect(network.reported).toEqual([bug, bug]);
    });
  });

  describe('request', () => {
    const answer = async (
      bus: Bus,
      subject: string,
      reply: (message: BusMessage) => string,
      queue?: string,
    ) => {
      bus.subscribe(
        subject,
        (message) => {
          if (message.reply)
            bus.publish(message.reply, reply(message), { headers: { from: subject } });
        },
        queue,
      );
      await bus.flush();
    };

    test('gets the reply to its own request among a thousand', async () => {
      await answer(there, 'echo.*', (message) => `${message.subject}:${text(message)}`, 'q');
      const replies = await Promise.all(
        Array.from({ length: 1_000 }, (_, i) =>
          here.request(`echo.${i}`, `${i}`, { timeoutMs: 5_000 }),
        ),
      );
      expect(replies.map(text)).toEqual(Array.from({ length: 1_000 }, (_, i) => `echo.${i}:${i}`));
      expect(replies[0]?.header('from')).toBe('echo.*');
    });

    test('carries its headers', async () => {
      await answer(there, 'a', (message) => message.header('x') ?? 'none');
      expect(text(await here.request('a', '', { timeoutMs: 5_000, headers: { x: 'y' } }))).toBe(
        'y',
      );
    });

    test('says at once that nobody is there', async () => {
      await expect(here.request('nobody', '', { timeoutMs: 60_000 })).rejects.toBeInstanceOf(
        NoResponders,
      );
    });

    test('says so again once the only subscriber has left', async () => {
      const subscription = there.subscribe('a', () => {});
      await there.flush();
      subscription.unsubscribe();
      await there.flush();
      await expect(here.request('a', '', { timeoutMs: 60_000 })).rejects.toBeInstanceOf(
        NoResponders,
      );
    });

    test('gives up on silence', async () => {
      await collect(there, 'silent');
      await expect(here.request('silent', '', { timeoutMs: 20 })).rejects.toBeInstanceOf(
        RequestTimeout,
      );
    });

    test('refuses at once what no server would take', async () => {
      const large = here.request('a', new Uint8Array(1024 * 1024 + 1), { timeoutMs: 60_000 });
      await expect(large).rejects.not.toBeInstanceOf(RequestTimeout);
    });
  });

  describe('close', () => {
    test('leaves no request open, and its subscriptions hear nothing more', async () => {
      const heard = await collect(there, 'silent');
      const waiting = there.request('silent', '', { timeoutMs: 60_000 });
      const rejected = expect(waiting).rejects.toBeInstanceOf(RequestTimeout);
      await settled(there, there);
      await there.close();
      await rejected;
      expect(heard).toHaveLength(1);
      await until('the server has seen it leave', async () => {
        const failure: unknown = await here
          .request('silent', '', { timeoutMs: 50 })
          .catch((error) => error);
        return failure instanceof NoResponders || undefined;
      });
    });

    test('what was published just before still arrives; afterwards nothing is sent', async () => {
      const heard = await collect(here, 'a');
      there.publish('a', 'last');
      await there.close();
      there.publish('a', 'too late');
      await expect(there.request('a', '', { timeoutMs: 10 })).rejects.toBeInstanceOf(NoResponders);
      await until('the last message arrives', () => heard.length > 0 || undefined);
      await settled(here, here);
      expect(heard).toEqual(['a=last']);
      await there.close();
    });
  });
}
