import { describe, expect, it } from 'vitest';
import type { Bus } from '../../runtime/bus.ts';
import { HostRig, mappedSubject, replacing } from './host-rig.ts';

/** One host whose bus throws on each event of alice's as often as `faults.left` says. */
async function faultyHost() {
  const rig = new HostRig();
  const faults = { left: 0 };
  const bus: Bus = rig.hub.connect();
  await rig.start('one', {
    bus: replacing(bus, {
      publish: (subject, ...rest) => {
        if (faults.left > 0 && subject.startsWith('millrace.evt.purse.alice.')) {
          faults.left--;
          throw new Error('nobody expects this');
        }
        bus.publish(subject, ...rest);
      },
    }),
  });
  await rig.ownedBy('one');
  return { rig, faults };
}

describe('a partition that goes wrong in memory', () => {
  it('is dropped and built again from its log under a new epoch, and loses nothing', async () => {
    const { rig, faults } = await faultyHost();
    await rig.pass(rig.insist('alice', 'put', { coins: 5 }, 'id-1'));
    faults.left = 1;
    const reply = await rig.pass(rig.insist('alice', 'put', { coins: 7 }, 'id-2'));
    expect(reply).toMatchObject({ ok: true, result: { coins: 12 } });
    await rig.until(async () => {
      const read = await rig.pass(rig.request(mappedSubject('get', 'alice', 'coins'), {}));
      return read?.ok === true && JSON.stringify(read.result) === '{"coins":12}';
    });
    expect(await rig.pass(rig.insist('alice', 'put', { coins: 7 }, 'id-2'))).toEqual(reply);
    expect(rig.reported.join('\n')).toMatch(/is dropped and built again: .*nobody expects this/);
    expect(rig.reported.join('\n')).not.toContain('is halted');
  });

  it('again and again is halted and says why; the others are served', async () => {
    const { rig, faults } = await faultyHost();
    faults.left = Number.POSITIVE_INFINITY;
    let ids = 0;
    await rig.until(async () => {
      await rig.pass(rig.request('millrace.cmd.purse.alice.put', { coins: 1 }, `id-${++ids}`));
      return rig.reported.some((line) => line.includes('is halted'));
    });
    const refused = await rig.pass(rig.request(mappedSubject('get', 'alice', 'coins'), {}));
    expect(refused?.error).toMatchObject({
      code: 'runtime/halted',
      message: expect.stringContaining('nobody expects this') as string,
    });
    const others = await rig.pass(rig.insist('bob', 'put', { coins: 1 }, 'id'));
    expect(others.ok).toBe(true);
    const built = rig.reported.filter((line) => line.includes('is dropped and built again'));
    expect(built).toHaveLength(rig.limits(8).restartsMax);
  });
});
