import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { encodeReply, success } from '../../contracts/reply.ts';
import { ClientClosed, connect } from '../../runtime/client.ts';
import { natsBus } from '../../runtime/nats/bus.ts';
import { startNats, type RunningServer } from '../../tools/servers.ts';
import { revokingNats } from '../black-box/revoking-nats.ts';
import { temporaryDirectory } from '../tools/temporary-directory.ts';

test('what waits when the connection is lost is asked again with its id once it is back', async () => {
  const dir = join(await temporaryDirectory(), 'nats');
  const start = (port: number): Promise<RunningServer> =>
    startNats({ dir, port, partitions: 4, prefix: 'millrace' });
  let server = await start(0);
  onTestFinished(() => server.stop());

  // A host that takes the first request and never answers it: its reply would be lost anyway.
  const host = await natsBus({ url: server.url, name: 'host' });
  onTestFinished(() => host.close());
  const ids: (string | undefined)[] = [];
  const taken = Promise.withResolvers<void>();
  host.subscribe('millrace.part.*.cmd.counter.one.increase', (message) => {
    ids.push(message.header('Nats-Msg-Id'));
    taken.resolve();
    const { reply } = message;
    if (ids.length > 1 && reply !== undefined)
      host.publish(reply, encodeReply(success({ count: 1 })));
  });
  await host.flush();

  // No attempt ends by itself within this test.
  const client = await connect({ url: server.url, retry: { attemptMs: 60_000 } });
  onTestFinished(() => client.close());
  const asking = client.ask('counter/one', 'increase', { by: 1 });
  await taken.promise;
  await server.stop();
  server = await start(server.port);

  expect(await asking).toEqual({ ok: true, result: { count: 1 } });
  expect(ids).toHaveLength(2);
  expect(ids[1]).toBe(ids[0]);
});

test('a client that NATS will not have back ends what waits, and says why', async () => {
  const dir = join(await temporaryDirectory(), 'nats');
  const server = await startNats({ dir, port: 0, partitions: 4, prefix: 'millrace' });
  onTestFinished(() => server.stop());
  const nats = await revokingNats(server.url);
  onTestFinished(() => nats.close());
  const client = await connect({ url: nats.url });
  onTestFinished(() => client.close());
  const asking = client.ask('counter/one', 'increase', { by: 1 }).catch((error: unknown) => error);
  nats.revoke();
  const ended = await asking;
  expect(ended).toBeInstanceOf(ClientClosed);
  expect(ended).toMatchObject({ message: expect.stringMatching(/: .+/) as string });
  await expect(client.health()).rejects.toBeInstanceOf(ClientClosed);
});
