import { describe, expect, test } from 'vitest';
import { actorKey } from '../../contracts/ids.ts';
import { shortLogs } from './history.ts';
import { purse } from './purse.ts';
import { Rig, type Answered, type RigOptions } from './rig.ts';

const alice = actorKey('account', 'alice');
const x = actorKey('account', 'x');

const addressIn = (answered: Answered | undefined): string =>
  (JSON.parse(answered?.text ?? '{}') as { at: string }).at;

async function stage(options: RigOptions = {}) {
  const rig = new Rig(options);
  await rig.startAll();
  let sent = 0;
  const ask = async (actor: typeof alice, name: string, body: object, id = `c${sent++}`) => {
    const answered = await rig.within(rig.command(actor, name, { ...body }, id));
    for (const owner of rig.open.values()) {
      owner.publisher.confirm(owner.publisher.published);
      owner.tick();
    }
    return answered;
  };
  const deposit = () => ask(alice, 'deposit', { asset: 'USD', amount: '1' });
  return { rig, ask, deposit };
}

describe('a command that cites a record', () => {
  test('sees what happened there, whoever owns the partition by now', async () => {
    const { rig, ask, deposit } = await stage();
    const of = addressIn(await deposit());
    await deposit();
    rig.crash(rig.home(alice));
    await rig.start(rig.home(alice));
    const reversed = await ask(alice, 'reverse', { of }, 'the reversal');
    expect(reversed?.text).toContain('"available":"1.00"');
    const again = await ask(alice, 'reverse', { of }, 'the reversal');
    expect(again?.text).toBe(reversed?.text);
    expect((await ask(alice, 'reverse', { of }))?.code).toBe('reversal/done');
  });

  test('sees no record of another actor, partition or epoch, and none that is not there yet', async () => {
    const { rig, ask, deposit } = await stage();
    expect(rig.home(x)).toBe(rig.home(alice));
    const others = addressIn(await ask(x, 'deposit', { asset: 'USD', amount: '1' }));
    const own = addressIn(await deposit());
    const elsewhere = own.replace(/^\d+/, `${rig.home(alice) + 1}`);
    const before = own.replace(/:\d+-/, ':99-');
    const later = own.replace(/\d+$/, '999');
    for (const of of [others, elsewhere, before, later])
      expect((await ask(alice, 'reverse', { of }))?.code).toBe('reversal/unknown');
    expect((await ask(alice, 'reverse', { of: own }))?.code).toBeUndefined();
  });

  test('sees it also when it has left the log for the archive', async () => {
    const { rig, ask, deposit } = await stage({ limits: { checkpointRecords: 5, ...shortLogs } });
    const of = addressIn(await deposit());
    const inLog = async (): Promise<boolean> =>
      (await rig.store.log.entryAt(rig.home(alice), Number(of.split('-')[1]))) !== undefined;
    for (let more = 0; more < 400 && (await inLog()); more++) await deposit();
    expect(await inLog()).toBe(false);
    expect((await ask(alice, 'reverse', { of }))?.code).toBeUndefined();
    expect((await ask(alice, 'reverse', { of }))?.code).toBe('reversal/done');
  });

  test('is busy while the log cannot be read', async () => {
    let broken = false;
    const { ask, deposit } = await stage({
      intercept: (call, carryOut) =>
        broken && call === 'entryAt' ? Promise.reject(new Error('no answer')) : carryOut(),
    });
    const of = addressIn(await deposit());
    broken = true;
    expect((await ask(alice, 'reverse', { of }))?.code).toBe('runtime/busy');
    broken = false;
    expect((await ask(alice, 'reverse', { of }))?.code).toBeUndefined();
  });
});

test('an actor that fails on telling what a command cites is contained: that command is set aside', async () => {
  const rig = new Rig({ partitions: 1, limits: { recentRepliesMax: 1 } });
  const citing = (): never => {
    throw new Error('cites nothing sensible');
  };
  rig.types.set('purse', { ...purse, cites: citing });
  await rig.start(0);
  const put = (id: string) => rig.within(rig.command(rig.purse('bob'), 'put', { coins: 1 }, id));
  const failed = await put('bad');
  expect(failed?.code).toBe('runtime/quarantined');
  expect((await put('another'))?.code).toBe('runtime/quarantined');
  expect(await put('bad')).toEqual(failed);
  expect(rig.halted).toEqual([]);
});
