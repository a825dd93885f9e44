import { describe, expect, it, onTestFinished } from 'vitest';
import { SettingsDiffer } from '../../runtime/host.ts';
import { natsBus } from '../../runtime/nats/bus.ts';
import { systemClock } from '../../runtime/system-clock.ts';
import { startNats } from '../../tools/servers.ts';
import { temporaryDirectory } from '../tools/temporary-directory.ts';
import { HostRig, mappedSubject, replacing, settings } from './host-rig.ts';
import { purse } from './purse.ts';

describe('a host does not start', () => {
  it.each([
    ['partitions', { ...settings, partitions: 16 }],
    ['a scale', { ...settings, scales: { byAsset: { USD: 3 }, others: 8 } }],
    ['the scale of all others', { ...settings, scales: { byAsset: {}, others: 9 } }],
  ])('in a cluster that was created with other settings: %s', async (_, other) => {
    const rig = new HostRig();
    await rig.start('ann');
    await expect(rig.start('bob', { settings: other })).rejects.toBeInstanceOf(SettingsDiffer);
  });

  it('with an actor type that has the name under which partitions are addressed', async () => {
    const types = new Map([['partition', { ...purse, type: 'partition' }]]);
    await expect(new HostRig().start('ann', { types })).rejects.toThrow(/partition/);
  });

  it.each([
    [settings.partitions * 2, false],
    [settings.partitions, true],
  ])(
    'on a NATS that maps subjects to %d partitions, of which it has 8 (does start: %s)',
    async (mapped, starts) => {
      const dir = await temporaryDirectory();
      const nats = await startNats({ dir, partitions: mapped, prefix: 'millrace' });
      onTestFinished(() => nats.stop());
      const bus = await natsBus({ url: nats.url, name: 'host' });
      onTestFinished(() => bus.close());
      const starting = new HostRig().start('ann', { bus, clock: systemClock });
      if (starts) await (await starting).stop();
      else await expect(starting).rejects.toBeInstanceOf(SettingsDiffer);
    },
  );
});

describe('a host', () => {
  it('takes the id of the cluster that is there, and tells its limits', async () => {
    const rig = new HostRig();
    await rig.start('ann');
    const bob = await rig.start('bob', { settings: { ...settings, id: 'another' } });
    expect(bob.settings.id).toBe(settings.id);
    expect(rig.reported).toContainEqual(expect.stringMatching(/^bob: limits: /));
  });

  it('refuses requests unread while it is far behind NATS, and reads them again afterwards', async () => {
    const rig = new HostRig();
    const bus = rig.hub.connect();
    let behind = false;
    const waiting: (() => void)[] = [];
    const flush = (): Promise<void> =>
      behind ? new Promise((resolve) => void waiting.push(resolve)) : bus.flush();
    const heart = { flush: async () => {} };
    await rig.start('ann', { bus: replacing(bus, { flush }), pulse: heart });
    await rig.ownedBy('ann');
    const put = () => rig.pass(rig.request(mappedSubject('cmd', 'alice', 'put'), { coins: 1 }));
    behind = true;
    await rig.elapse(1_500);
    expect(await put()).toMatchObject({ ok: true });
    await rig.elapse(2_000);
    expect((await put())?.error?.code).toBe('runtime/busy');
    behind = false;
    for (const caughtUp of waiting) caughtUp();
    await rig.elapse(300);
    expect(await put()).toMatchObject({ ok: true, result: { coins: 2 } });
  });

  it('answers an operator whose request reached the former owner of the partition', async () => {
    const rig = new HostRig();
    await rig.start('ann');
    await rig.ownedBy('ann');
    const answers: string[] = [];
    rig.bus.subscribe('operator', ({ payload }) => {
      answers.push(Buffer.from(payload).toString());
    });
    const headers = {
      'Millrace-Forward': 'bob:1',
      'Millrace-Subject': 'millrace.part.0.dead-letters.list',
      'Millrace-Reply': 'operator',
    };
    rig.bus.publish('millrace.host.ann', '{}', { reply: 'bob', headers });
    await rig.elapse(100);
    expect(answers).toEqual(['{"ok":true,"result":{"halted":[],"letters":[]}}']);
  });

  it('answers no delivery between partitions that is not signed, and applies nothing of it', async () => {
    const rig = new HostRig();
    await rig.start('ann');
    await rig.ownedBy('ann');
    const forged = {
      from: 1,
      messages: [
        {
          n: 1,
          entry: '1-1',
          time: 1,
          to: 'purse/p0',
          name: 'take',
          body: { from: 'purse/p1', coins: 9, request: '' },
        },
      ],
    };
    for (let partition = 0; partition < settings.partitions; partition++) {
      expect(await rig.answersTo(`millrace.part.${partition}.channel`, forged)).toEqual([]);
    }
    const coins = await rig.pass(rig.request('millrace.get.purse.p0.coins', {}));
    expect(coins?.result).toEqual({ coins: 0 });
  });
});
