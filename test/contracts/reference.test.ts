import { expect, test } from 'vitest';
import { reference } from './reference.ts';

test('docs/reference.md is what the contracts say', async () => {
  await expect(reference()).toMatchFileSnapshot('../../docs/reference.md');
});
