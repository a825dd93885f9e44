import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalJson, payloadHash, type Json } from '../../contracts/json.ts';

test('canonical JSON means the same document', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(JSON.parse(canonicalJson(value as Json))).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});

test('the order of keys and white space do not change a payload, any value does', () => {
  const hash = (text: string): string => payloadHash('deposit', JSON.parse(text) as Json);
  expect(hash('{"a":1,"b":{"c":[1,2],"d":"x"}}')).toBe(
    hash('{ "b": {"d":"x", "c":[1,2]}, "a":1 }'),
  );
  expect(hash('{"a":1}')).not.toBe(hash('{"a":"1"}'));
  expect(hash('{"a":"1.0"}')).not.toBe(hash('{"a":"1.00"}'));
  expect(payloadHash('deposit', {})).not.toBe(payloadHash('withdraw', {}));
});
