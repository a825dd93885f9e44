import fc from 'fast-check';
import { expect, test } from 'vitest';
import { actorKey } from '../../contracts/ids.ts';
import { defaultLimits } from '../../runtime/limits.ts';
import { RecentReplies, type RecentReply } from '../../runtime/recent-replies.ts';

const actor = actorKey('account', 'alice');

/** Several replies may stand in one record; the id tells them apart. */
const replies = fc.array(fc.record({ gap: fc.nat(2), length: fc.nat(40) }), { maxLength: 60 });

test('the latest replies are found at their positions, as many as fit, and no others', () => {
  fc.assert(
    fc.property(replies, fc.nat(12), fc.nat(200), (added, max, bytesMax) => {
      const limits = { ...defaultLimits(1), recentRepliesMax: max, recentBytesMax: bytesMax };
      const recent = new RecentReplies(limits);
      const all: RecentReply[] = [];
      let position = 1;
      for (const [n, { gap, length }] of added.entries()) {
        position += gap;
        const reply = { position, actor, id: `c${n}`, hash: `h${n}`, text: '.'.repeat(length) };
        all.push({ ...reply, code: undefined });
        recent.add({ ...reply, code: undefined });
        let kept = all.slice(Math.max(0, all.length - max));
        while (kept.reduce((sum, { text }) => sum + text.length, 0) > bytesMax)
          kept = kept.slice(1);
        for (const one of all)
          expect(recent.find(one.position, actor, one.id)).toEqual(
            kept.includes(one) ? one : undefined,
          );
      }
      expect(recent.find(position, actor, 'another')).toBeUndefined();
      expect(recent.find(position, actorKey('account', 'bob'), 'c0')).toBeUndefined();
    }),
  );
});
