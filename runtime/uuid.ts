const uuidVersion7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;

/** The time inside a UUIDv7, in ms since 1970 (RFC 9562); undefined for any other text. */
export function timeOfId(id: string): number | undefined {
  if (id.length !== 36 || !uuidVersion7.test(id)) return undefined;
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

/**
 * Makes UUIDv7 (RFC 9562) out of random words of 32 bits: 48 bits of time, then a counter of 42 bits
 * that begins at a random place in each millisecond (method 1 of section 6.2, over rand_a and the head
 * of rand_b), then 32 random bits. Ids of one source grow strictly, even if the clock steps back.
 */
export function uuidSource(word: () => number): (now: number) => string {
  let time = 0;
  let counter = 0;
  return (now) => {
    if (now > time) {
      time = now;
      counter = (word() % 2 ** 8) * 2 ** 32 + word();
    } else {
      counter += 1;
    }
    return uuid7(time, counter, word());
  };
}

/** 42 bits leave room for 2^41 ids in one millisecond above a random start of 40 bits. */
function uuid7(time: number, counter: number, tail: number): string {
  const clock = time.toString(16).padStart(12, '0');
  const high = Math.floor(counter / 2 ** 30);
  const middle = Math.floor(counter / 2 ** 16) % 2 ** 14;
  const low =
    (counter % 2 ** 16).toString(16).padStart(4, '0') + tail.toString(16).padStart(8, '0');
  const version = (0x7000 + high).toString(16);
  const variant = (0x8000 + middle).toString(16);
  return `${clock.slice(0, 8)}-${clock.slice(8)}-${version}-${variant}-${low}`;
}
