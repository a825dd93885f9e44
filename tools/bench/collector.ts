/**
 * A process of its own that takes OTLP (protobuf over HTTP) and keeps nothing but the number of
 * spans, which it tells its parent when asked.
 */
import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';

let spans = 0;
const server = createServer((request, response) => {
  void buffer(request).then((body) => {
    if (request.url === '/v1/traces') spans += spansIn(body);
    response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.send?.({ port: typeof address === 'object' ? address?.port : undefined });
});
process.on('message', () => process.send?.({ spans }));
process.once('disconnect', () => process.exit(0));

/** Of a request: resource_spans (1) have scope_spans (2), which have spans (2). */
function spansIn(request: Uint8Array): number {
  const inside = (bodies: readonly Uint8Array[], field: number): Uint8Array[] =>
    bodies.flatMap((body) => fieldsOf(body, field));
  return inside(inside(inside([request], 1), 2), 2).length;
}

/** The fields of this number in a message that has only fields of bytes, as these have. */
function fieldsOf(message: Uint8Array, wanted: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = message[at++] ?? 0;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const field = varint() >> 3;
    const length = varint();
    if (field === wanted) found.push(message.subarray(at, at + length));
    at += length;
  }
  return found;
}
