/** What the demo shows while it runs: a table on a terminal, plain lines elsewhere. */
import type { HostReport } from '../hosts.ts';
import type { Reading } from './meter.ts';

export interface View {
  readonly reading: Reading;
  readonly hosts: readonly HostReport[];
  readonly symbols: readonly SymbolProgress[];
}

/** How many of a symbol's recorded updates have been played. */
export interface SymbolProgress {
  readonly symbol: string;
  readonly played: number;
  readonly updates: number;
}

export interface Screen {
  /** How often it wants to be shown something new. */
  readonly everyMs: number;
  show(view: View): void;
}

/** Where a screen writes: standard output, or a test. */
export interface Output {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** A table redrawn in place on a terminal; a line every two seconds where there is none. */
export function screenOn(output: Output): Screen {
  if (!output.isTTY) {
    return { everyMs: 2_000, show: (view) => void output.write(`${plainLine(view)}\n`) };
  }
  let drawn = 0;
  return {
    everyMs: 200,
    show(view) {
      const lines = table(view);
      const up = drawn > 0 ? `\x1b[${drawn}A` : '';
      output.write(up + `${lines.join('\x1b[K\n')}\x1b[K\n\x1b[J`);
      drawn = lines.length;
    },
  };
}

/** At most 80 columns. */
export function table({ reading, hosts, symbols }: View): string[] {
  const { commands, commandsPerSecond, p50, p99, trades, matched, mismatched } = reading;
  const updates = symbols.reduce((sum, symbol) => sum + symbol.updates, 0);
  const rows = symbols.map(symbolCell);
  return [
    '',
    ...hosts.map(
      ({ host, partitions }) =>
        ` ${host.padEnd(14).slice(0, 14)}${whole(partitions.length, 10)} partitions` +
        `${whole(recordsOf(partitions), 14)} records in their logs`,
    ),
    '',
    ` commands      ${whole(commands, 10)}${whole(commandsPerSecond, 10)} a second` +
      `    p50 ${ms(p50, 7)}   p99 ${ms(p99, 7)}`,
    ` trades        ${whole(trades, 10)}`,
    ` checksums     ${whole(matched, 10)} of ${whole(updates)} matched` +
      (mismatched > 0 ? `, ${whole(mismatched)} NOT` : ''),
    '',
    ...Array.from({ length: Math.ceil(rows.length / 2) }, (_, row) =>
      ` ${rows[2 * row] ?? ''}   ${rows[2 * row + 1] ?? ''}`.trimEnd(),
    ),
    '',
  ];
}

export function plainLine({ reading, hosts }: View): string {
  const { elapsedMs, commands, commandsPerSecond, p50, p99, trades, matched, mismatched } = reading;
  const owned = hosts.map(({ host, partitions }) => `${host} ${partitions.length}`).join(', ');
  const checksums = `checksums ${matched} matched${mismatched > 0 ? `, ${mismatched} NOT` : ''}`;
  return (
    `${(elapsedMs / 1_000).toFixed(0)} s: ${commands} commands, ${whole(commandsPerSecond)}/s, ` +
    `p50 ${ms(p50)}, p99 ${ms(p99)}, ${trades} trades, ${checksums}, partitions: ${owned}`
  );
}

const barWidth = 16;

function symbolCell({ symbol, played, updates }: SymbolProgress): string {
  const full = updates === 0 ? barWidth : Math.floor((played / updates) * barWidth);
  const bar = '█'.repeat(full) + '░'.repeat(barWidth - full);
  return `${symbol.padEnd(10)} ${bar} ${String(played).padStart(4)}/${String(updates).padEnd(4)}`;
}

const recordsOf = (partitions: HostReport['partitions']): number =>
  partitions.reduce((sum, { position }) => sum + position, 0);

const whole = (value: number, width = 0): string =>
  Math.round(value).toLocaleString('en-US').padStart(width);

const ms = (value: number, width = 0): string => `${value.toFixed(1).padStart(width)} ms`;
