import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RequestTimeout } from '../../runtime/bus.ts';
import { memoryHub } from '../../runtime/memory/bus.ts';
import { natsBus } from '../../runtime/nats/bus.ts';
import { startNats, type RunningServer } from '../../tools/servers.ts';
import { revokingNats } from '../black-box/revoking-nats.ts';
import { busConformance } from './bus.ts';

let dir: string;
let server: RunningServer;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'millrace-nats-'));
  server = await startNats({ dir, partitions: 8, prefix: 'millrace' });
});
afterAll(async () => {
  await server.stop();
  await rm(dir, { recursive: true });
});

describe('the bus in memory', () =>
  busConformance(async () => {
    const reported: unknown[] = [];
    const hub = memoryHub({ onError: (error) => reported.push(error) });
    return { reported, connect: async () => hub.connect(), close: async () => {} };
  }));

describe('the bus on NATS', () => {
  busConformance(async () => {
    const reported: unknown[] = [];
    const onError = (error: Error) => reported.push(error);
    const connect = () => natsBus({ url: server.url, name: 'conformance', onError });
    return { reported, connect, close: async () => {} };
  });

  test('says so when the server has refused its user for good, and not when it is closed', async () => {
    const nats = await revokingNats(server.url);
    const closings: string[] = [];
    const onClosed = (reason: string): void => void closings.push(reason);
    const quiet = await natsBus({ url: nats.url, name: 'conformance', onClosed });
    await quiet.close();
    const revoked = new Promise<string>((resolve) => {
      void natsBus({ url: nats.url, name: 'conformance', onClosed: resolve }).then(nats.revoke);
    });
    expect(await revoked).toMatch(/authorization/i);
    expect(closings).toEqual([]);
    await nats.close();
  });

  test('refuses a server without TLS where the address asks for it', async () => {
    const url = server.url.replace('nats://', 'tls://');
    await expect(natsBus({ url, name: 'conformance' })).rejects.toThrow(/NODE_EXTRA_CA_CERTS/);
  });

  test('comes back by itself after the server was gone, with its subscriptions', async () => {
    const bus = await natsBus({ url: server.url, name: 'conformance' });
    bus.subscribe('a', (message) => message.reply && bus.publish(message.reply, 'here'));
    await bus.flush();
    const back = new Promise<void>((resolve) => bus.onReconnect(resolve));
    await server.stop();
    await expect(bus.request('a', '', { timeoutMs: 50 })).rejects.toBeInstanceOf(RequestTimeout);
    server = await startNats({ dir, port: server.port, partitions: 8, prefix: 'millrace' });
    await back;
    const reply = await bus.request('a', '', { timeoutMs: 5_000 });
    expect(new TextDecoder().decode(reply.payload)).toBe('here');
    await bus.close();
  });

  test('sends nothing of what was published while the server was gone, nor before it is told', async () => {
    const bus = await natsBus({ url: server.url, name: 'conformance' });
    const received: string[] = [];
    bus.subscribe('b', ({ payload }) => void received.push(new TextDecoder().decode(payload)));
    await bus.flush();
    const back = new Promise<void>((resolve) =>
      bus.onReconnect(() => {
        bus.publish('b', 'again');
        resolve();
      }),
    );
    await server.stop();
    await expect(bus.request('b', '', { timeoutMs: 50 })).rejects.toBeInstanceOf(RequestTimeout);
    let chatting = true;
    // Said after a turn's writes, so that some of it waits for the next ones whenever the news comes.
    const chatter = (): void => {
      bus.publish('b', 'too early');
      if (chatting) setImmediate(chatter);
    };
    chatter();
    server = await startNats({ dir, port: server.port, partitions: 8, prefix: 'millrace' });
    await back;
    chatting = false;
    await bus.flush();
    expect(received[0]).toBe('again');
    await bus.close();
  });

  test('says which server does not answer', async () => {
    await expect(natsBus({ url: 'nats://127.0.0.1:1', name: 'nobody' })).rejects.toThrow(
      '127.0.0.1:1',
    );
  });
});
