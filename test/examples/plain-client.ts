import { setTimeout as pause } from 'node:timers/promises';
import { connect, headers, NatsError } from 'nats';

const nats = await connect({ servers: process.env.NATS_URL ?? 'nats://127.0.0.1:4222' });

/** Sends a command until it has an outcome: the id makes it one command, however often it is sent. */
async function command(subject: string, body: object, id: string) {
  const sent = headers();
  sent.set('Nats-Msg-Id', id);
  for (let pauseMs = 20; ; pauseMs = Math.min(2 * pauseMs, 500)) {
    try {
      const options = { headers: sent, timeout: 2_000 };
      const reply = (await nats.request(subject, JSON.stringify(body), options)).json<{
        ok: boolean;
        result?: object;
        error?: { code: string; message: string; retryable: boolean };
      }>();
      // Retryable are 429 (busy) and 503 (no owner at present, or an outcome that is still pending).
      if (reply.error?.retryable !== true) return reply;
    } catch (error) {
      // Nobody was there (503), or no reply came: whether it was carried out, the same id will tell.
      const unknown = error instanceof NatsError && ['503', 'TIMEOUT'].includes(error.code);
      if (!unknown) throw error;
    }
    await pause(Math.random() * pauseMs);
  }
}

// Amounts are decimal strings. As JavaScript numbers 0.1 + 0.2 would not be 0.3: count in cents.
const cents = 10n + 20n;
const amount = `${cents / 100n}.${`${cents % 100n}`.padStart(2, '0')}`;
const body = { asset: 'USD', amount };
console.log(
  JSON.stringify(await command('millrace.cmd.account.you.deposit', body, 'deposit-4711')),
);
const balance = await nats.request('millrace.get.account.you.balance');
console.log(balance.string());
await nats.close();
