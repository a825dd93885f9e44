import { digest } from '../contracts/json.ts';

const ownerLengthMax = 24;

/**
 * The n-th id that an actor gives out, unique in the cluster among ids of this kind: `BTC-USD-17`.
 * A long owner would break the 64 characters of an id, so it is named by its digest, with `_`
 * before the number: a plain id has `-` there, hence no two pairs of owner and n share an id.
 */
export const scopedId = (owner: string, n: number): string =>
  owner.length <= ownerLengthMax ? `${owner}-${n}` : `${digest(owner)}_${n}`;
