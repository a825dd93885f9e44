import { expect, it } from 'vitest';
import { actorKey } from '../../contracts/ids.ts';
import { partitionOf } from '../../contracts/partition.ts';
import { HostRig, mappedSubject, replacing, settings, type WireAnswer } from './host-rig.ts';

/** A port that can be cut off: its calls fail meanwhile. */
class Cut {
  cut = false;

  port<Port extends object>(port: Port): Port {
    return new Proxy(port, {
      get: (target, name) => {
        const method: unknown = Reflect.get(target, name);
        if (typeof method !== 'function') return method;
        return (...parameters: unknown[]): unknown =>
          this.cut
            ? Promise.reject(new Error('cut off'))
            : Reflect.apply(method, target, parameters);
      },
    });
  }
}

it('who joined a pending command is told to ask again when its owner has lost the partition', async () => {
  const rig = new HostRig();
  const redis = new Cut();
  // What ann sends to bea never arrives: the gift stays pending.
  const bea = partitionOf(actorKey('purse', 'bea'), settings.partitions);
  const log = replacing(rig.store.log, {
    append: (group) =>
      group.fence.partition === bea
        ? Promise.reject(new Error('not now'))
        : rig.store.log.append(group),
  });
  await rig.start('ann', { log: redis.port(log), leases: redis.port(rig.store.leases) });
  await rig.ownedBy('ann');
  await rig.pass(rig.insist('alf', 'put', { coins: 5 }, 'put'));

  const answers: (WireAnswer | undefined)[] = [];
  const give = async (): Promise<void> => {
    const subject = mappedSubject('cmd', 'alf', 'give');
    answers.push(await rig.request(subject, { to: 'bea', coins: 1 }, 'give', 30_000));
  };
  const first = give();
  await rig.elapse(100);
  const joined = give();
  await rig.elapse(100);
  redis.cut = true;
  await rig.start('bob');
  await rig.until(async () => (await rig.owners()).every((owner) => owner === 'bob'));
  await rig.pass(first);
  expect(answers).toEqual([{ ok: true, at: expect.any(String), result: { given: 1 } }]);

  redis.cut = false;
  expect(await rig.until(() => answers.length === 2)).toBeLessThan(2_000);
  await joined;
  expect(answers[1]?.error?.code).toBe('runtime/pending');
  expect(
    (await rig.pass(rig.insist('alf', 'give', { to: 'bea', coins: 1 }, 'give'))).result,
  ).toEqual({ given: 1 });
});
