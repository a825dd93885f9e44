import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { TcpProxy } from '../../tools/faults/tcp-proxy.ts';
import { until } from '../tools/until.ts';

/** A server that says back what it hears, and a way to it through a proxy. */
async function stage() {
  const heard: string[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      heard.push(bytes.toString());
      socket.write(bytes);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const proxy = await TcpProxy.to(typeof address === 'object' && address ? address.port : 0);
  onTestFinished(async () => {
    await proxy.close();
    server.close();
  });
  const dial = async () => {
    const socket = connect(proxy.port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    const said: string[] = [];
    let closed = false;
    socket.on('data', (bytes) => said.push(bytes.toString()));
    socket.on('error', () => {});
    socket.on('close', () => (closed = true));
    await once(socket, 'connect');
    return { say: (text: string) => socket.write(text), said, isClosed: () => closed };
  };
  return { proxy, heard, dial };
}

test('without trouble it passes on what both sides say', async () => {
  const { dial } = await stage();
  const { say, said } = await dial();
  say('hello');
  await until(() => said.join('') === 'hello');
});

test('muted, the server hears and is not heard; healing ends what lost its bytes', async () => {
  const { proxy, heard, dial } = await stage();
  const { say, said, isClosed } = await dial();
  proxy.trouble = { kind: 'mute' };
  say('hello');
  await until(() => heard.length === 1);
  proxy.heal();
  await until(isClosed);
  expect(said).toEqual([]);
  const next = await dial();
  next.say('again');
  await until(() => next.said.join('') === 'again');
});

test('deafened, the server hears nothing', async () => {
  const { proxy, heard, dial } = await stage();
  const { say, isClosed } = await dial();
  proxy.trouble = { kind: 'deaf' };
  say('hello');
  const other = await dial();
  proxy.heal();
  proxy.cut();
  await until(() => isClosed() && other.isClosed());
  expect(heard).toEqual([]);
});

test('slowed, what was said arrives late and in order', async () => {
  const { proxy, heard, dial } = await stage();
  const { say, said } = await dial();
  say('zero ');
  await until(() => said.length === 1);
  proxy.trouble = { kind: 'slow', ms: 50 };
  const from = performance.now();
  say('one ');
  await until(() => said.length === 2);
  // Held back once on its way, and once on the way back.
  expect(performance.now() - from).toBeGreaterThan(90);
  say('two ');
  proxy.heal();
  say('three');
  await until(() => heard.join('') === 'zero one two three');
});

test('refusing, it ends the connections that are there and those that come', async () => {
  const { proxy, dial } = await stage();
  const { isClosed } = await dial();
  proxy.trouble = { kind: 'refuse' };
  await until(isClosed);
  const other = await dial();
  await until(other.isClosed);
});
