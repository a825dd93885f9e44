/**
 * Whether two values are the same JSON: fields in any order, and one that is undefined is not there.
 * Written as text and compared they would be too, which takes ten times as long.
 */
export function sameJson(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== 'object' || typeof other !== 'object') return false;
  if (one === null || other === null) return false;
  if (Array.isArray(one)) return Array.isArray(other) && sameItems(one, other);
  return !Array.isArray(other) && sameFields(one, other);
}

const sameItems = (one: readonly unknown[], other: readonly unknown[]): boolean =>
  one.length === other.length && one.every((item, at) => sameJson(item, other[at]));

function sameFields(one: object, other: object): boolean {
  const found = new Map(Object.entries(other));
  let there = 0;
  for (const value of found.values()) if (value !== undefined) there++;
  for (const [field, value] of Object.entries(one)) {
    if (value === undefined) continue;
    if (!sameJson(value, found.get(field))) return false;
    there--;
  }
  return there === 0;
}
