/** W3C trace context, version 00: `00-<trace>-<span>-<flags>`, hexadecimal and in lower case. */
const traceparent = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** What a header says of it; anything else is as good as none. */
export const traceOf = (header: string | undefined): string | undefined =>
  header !== undefined && header.length === 55 && traceparent.test(header) ? header : undefined;

/** The last bit of its flags. */
export const isSampled = (trace: string | undefined): trace is string =>
  trace !== undefined && Number.parseInt(trace.slice(-1), 16) % 2 === 1;
