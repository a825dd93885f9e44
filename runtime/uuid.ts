const uuidVersion7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;

/** The time inside a UUIDv7, in ms since 1970 (RFC 9562); undefined for any other text. */
export function timeOfId(id: string): number | undefined {
  if (id.length !== 36 || !uuidVersion7.test(id)) return undefined;
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}
