import { connect } from 'millrace/client';

const [url = 'nats://127.0.0.1:4222', counter = 'counter/visits'] = process.argv.slice(2);
const client = await connect({ url });
const increased = await client.ask(counter, 'increase', { by: 3 });
const decreased = await client.ask(counter, 'decrease', { by: 5 });
const value = await client.get(counter, 'value', {});
console.log(
  increased.ok,
  decreased.ok || decreased.error.code,
  value.ok && JSON.stringify(value.result),
);
await client.close();
