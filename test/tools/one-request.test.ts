import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { encodeReply, refusal, success } from '../../contracts/reply.ts';
import { natsBus } from '../../runtime/nats/bus.ts';
import { startNats } from '../../tools/servers.ts';
import { temporaryDirectory } from './temporary-directory.ts';

interface Finished {
  readonly status: number | string | null | undefined;
  readonly out: string;
  readonly err: string;
}

const cli = join(import.meta.dirname, '../../tools/cli.ts');

const millrace = (argv: string[], environment: Record<string, string> = {}): Promise<Finished> =>
  new Promise((resolve) => {
    const env = { ...process.env, MILLRACE_NATS_URL: '', ...environment };
    execFile(process.execPath, [cli, ...argv], { env }, (error, out, err) =>
      resolve({ status: error ? error.code : 0, out, err }),
    );
  });

test('ask and get print the reply; the exit status tells whether it was accepted', async () => {
  const dir = await temporaryDirectory();
  const server = await startNats({ dir, partitions: 4, prefix: 'millrace' });
  onTestFinished(() => server.stop());
  const host = await natsBus({ url: server.url, name: 'host' });
  onTestFinished(() => host.close());
  const accepted = encodeReply(
    success({ asset: 'USD', available: '100.00', held: '0.00' }),
    '1:1-1',
  );
  const refused = encodeReply(refusal('account/unknown'), '1:1-2');
  const ids: (string | undefined)[] = [];
  host.subscribe('millrace.part.*.*.account.*.*', (message) => {
    ids.push(message.header('Nats-Msg-Id'));
    const reply = message.subject.endsWith('.withdraw') ? refused : accepted;
    if (message.reply !== undefined) host.publish(message.reply, reply);
  });
  await host.flush();

  const url = { MILLRACE_NATS_URL: server.url };
  const money = '{"asset":"USD","amount":"100.00"}';
  const asked = await millrace(['ask', 'account/you', 'deposit', money, '--id', 'mine'], url);
  expect(asked).toMatchObject({ status: 0, out: `${accepted}\n` });
  expect(ids).toEqual(['mine']);
  const turnedAway = await millrace(['ask', 'account/you', 'withdraw', money], url);
  expect(turnedAway).toMatchObject({ status: 1, out: `${refused}\n` });
  expect(await millrace(['get', 'account/you', 'balance'], url)).toMatchObject({ status: 0 });
});

test('call sends a command; a name that is no command is asked as a question', async () => {
  const dir = await temporaryDirectory();
  const server = await startNats({ dir, partitions: 4, prefix: 'millrace' });
  onTestFinished(() => server.stop());
  const host = await natsBus({ url: server.url, name: 'host' });
  onTestFinished(() => host.close());
  const asked: string[] = [];
  host.subscribe('millrace.part.*.*.account.*.*', (message) => {
    const [, , , verb = '', , , name = ''] = message.subject.split('.');
    asked.push(`${verb} ${name} ${message.header('Nats-Msg-Id')}`);
    const known = verb === 'get' ? ['balance', 'transfer'] : ['deposit', 'withdraw', 'transfer'];
    const code = known.includes(name) ? 'account/insufficient-funds' : 'runtime/unknown-command';
    const refused = name === 'withdraw' || !known.includes(name);
    const reply = refused ? refusal(code) : success({ verb, name });
    if (message.reply !== undefined) host.publish(message.reply, encodeReply(reply));
  });
  await host.flush();

  const url = { MILLRACE_NATS_URL: server.url };
  const call = (...argv: string[]) => millrace(['call', 'account/you', ...argv], url);
  const money = '{"asset":"USD","amount":"5.00"}';
  expect(await call('deposit', money, '--id', 'mine')).toMatchObject({
    status: 0,
    out: '{"ok":true,"result":{"verb":"cmd","name":"deposit"}}\n',
  });
  expect(asked).toEqual(['cmd deposit mine']);
  expect((await call('balance')).out).toContain('"verb":"get"');
  expect((await call('transfer', '{"transferId":"t"}', '--get')).out).toContain('"verb":"get"');
  expect(await call('withdraw', money)).toMatchObject({ status: 1 });
  const neither = await call('nonsense');
  expect(neither).toMatchObject({ status: 1 });
  expect(neither.out).toContain('runtime/unknown-command');
});

test.for<[string, string[]]>([
  ['without a name', ['ask', 'account/you']],
  ['with a body that is not JSON', ['ask', 'account/you', 'deposit', '{']],
  ['with a body that is no object', ['get', 'account/you', 'balance', '[]']],
  ['with a body that was not quoted', ['ask', 'account/you', 'deposit', '{}', '{}']],
  ['without anything', ['call']],
  ['with a body that is not JSON', ['call', 'account/you', 'deposit', '{']],
  ['with an option that it does not have', ['get', 'account/you', 'balance', '--id', 'x']],
])('%s the command was used wrongly', async ([, argv]) => {
  expect(await millrace(argv)).toMatchObject({ status: 2, out: '' });
});

test('where no cluster runs it says how to start one', async () => {
  const data = await temporaryDirectory();
  const finished = await millrace(['get', 'account/you', 'balance', '--data', data]);
  expect(finished.status).toBe(1);
  expect(finished.err).toContain('Start one with npm start.');
});
