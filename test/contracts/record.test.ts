import fc from 'fast-check';
import { expect, test } from 'vitest';
import { actorKey } from '../../contracts/ids.ts';
import {
  decodeGroup,
  decodeRecordsOf,
  encodeGroup,
  type LogRecord,
} from '../../contracts/record.ts';

const actors = ['a/b', 'a/bc', 'aa/b'].map((key) =>
  actorKey(...(key.split('/') as [string, string])),
);

/** Text that looks like the beginnings and ends of records, inside of them. */
const nasty = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(',\n', '\n', '"actor":"a/b"', '},\n{"actor":"a/b"', '\\n'),
);
const records = fc.array(
  fc.record({
    time: fc.nat(),
    actor: fc.constantFrom(...actors),
    version: fc.nat(),
    events: fc.array(fc.record({ type: nasty, actor: fc.constantFrom(...actors), text: nasty }), {
      maxLength: 3,
    }),
  }),
  { minLength: 1, maxLength: 8 },
);

test('of a group the records of one actor are found, and no others', () => {
  fc.assert(
    fc.property(records, fc.constantFrom(...actors), (group, actor) => {
      const text = encodeGroup(group.map((record) => JSON.stringify(record)));
      const all: readonly LogRecord[] = decodeGroup(text);
      expect(decodeRecordsOf(actor, text)).toEqual(all.filter((record) => record.actor === actor));
    }),
  );
});
