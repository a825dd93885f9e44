/** The sentences of the demo. */
import type { Outcome, Resent } from './demo.ts';
import type { HostReport } from '../hosts.ts';

/** What was there when the cluster was started again, and how soon it served. */
export function restoredText(hosts: readonly HostReport[], startedMs: number): string {
  const partitions = hosts.flatMap((host) => host.partitions);
  const records = partitions.reduce((sum, { position }) => sum + position, 0);
  const replayed = partitions.reduce((sum, { recoveredRecords }) => sum + recoveredRecords, 0);
  const slowest = Math.max(0, ...partitions.map(({ recoveredMs }) => recoveredMs));
  return (
    `Restored from disk: ${whole(records)} records in ${partitions.length} partitions, ` +
    `${whole(replayed)} of them replayed after the last checkpoints. All partitions served ` +
    `${(startedMs / 1_000).toFixed(1)} s after the start; the slowest took ${whole(slowest)} ms.`
  );
}

export function resentText({ same, refused, other }: Resent): string {
  const sent = same + refused + other;
  const parts = [
    `Sent the first run's ${sent} deposits again with their ids: ` +
      `${same} answered from the log, byte for byte`,
    ...(refused > 0 ? [`${refused} refused as known or too old, not applied again`] : []),
    ...(other > 0 ? [`${other} ANSWERED OTHERWISE`] : []),
  ];
  return `${parts.join('; ')}.`;
}

export function summaryText({ reading, expected, differences }: Outcome): string {
  const { elapsedMs, commands, p50, p99, trades, matched, refusals } = reading;
  const seconds = elapsedMs / 1_000;
  const lines = [
    `${whole(commands)} durable commands in ${seconds.toFixed(1)} s ` +
      `(${whole(commands / seconds)} a second), p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms.`,
    `${whole(trades)} trades settled between makers and takers.`,
    matched === expected
      ? `All ${whole(expected)} checksums of the recorded exchange match our books.`
      : `ONLY ${whole(matched)} of ${whole(expected)} checksums match. Does somebody else trade here?`,
    differences.length === 0
      ? 'Money is conserved: balances and fees add up to what was deposited, in every asset.'
      : `MONEY IS NOT CONSERVED: ${differences.join(', ')}.`,
    ...(refusals.length > 0 ? [`Refused: ${refusals.join('; ')}.`] : []),
  ];
  return lines.join('\n');
}

/** Three commands that a newcomer can paste into another terminal. */
export const commandsToTry = `
The cluster stays up; Ctrl-C stops it, and npm start goes on from there. In another terminal, try:

  npm run -s millrace -- ask account/you deposit '{"asset":"CHF","amount":"10000"}'
  npm run -s millrace -- ask account/you place-order '{"clOrdId":"first","symbol":"XBT-CHF","side":"buy","type":"market","timeInForce":"IOC","quantity":"0.1","protectionPrice":"60000"}'
  npm run -s millrace -- get account/you balance
`;

const whole = (value: number): string => Math.round(value).toLocaleString('en-US');
