/** A picture of the main benchmark's results: throughput beside its floors, and latency. */
import { readFile, writeFile } from 'node:fs/promises';
import { describe, whole } from './report.ts';
import { CommandResults, type CommandRow } from './results.ts';

/** Reads JSON results, writes them as SVG and prints them as tables. */
export async function writeChart({ from, to }: { from: string; to: string }): Promise<void> {
  const results = CommandResults.parse(JSON.parse(await readFile(from, 'utf8')));
  await writeFile(to, chart(results));
  console.log(describe(results));
}

const width = 860;
const labelWidth = 250;
const plotWidth = width - labelWidth - 90;
const rowHeight = 26;

/** The drawing, for light and dark pages. */
export function chart(results: CommandResults): string {
  const { rows, openLoop } = results;
  const throughput = rows.filter(({ name }) => !isSingle(name));
  const latency = [...rows.filter(({ name }) => isSingle(name)), ...openLoop];
  const second = 64 + throughput.length * rowHeight + 52;
  const height = second + latency.length * rowHeight + 58;
  const { processor, cores, node } = results.before;
  const footer = `${processor}, ${cores} cores for everything, Node ${node}. Grey: a floor.`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img">`,
    '<title>Throughput and latency of Millrace beside a bare NATS echo and Redis append</title>',
    `<style>${style}</style>`,
    `<rect class="page" width="${width}" height="${height}"/>`,
    text({ x: 16, y: 30, kind: 'heading', says: 'Commands a second' }),
    ...bars(throughput, 48),
    text({ x: 16, y: second - 18, kind: 'heading', says: 'Latency in ms: p50, p99, p99.9' }),
    ...ranges(latency, second),
    text({ x: 16, y: height - 14, kind: 'small', says: footer }),
    '</svg>',
    '',
  ].join('\n');
}

const style = `
.page { fill: #fcfcfb } text { font: 13px system-ui, sans-serif; fill: #3d3c39 }
.heading { font-weight: 600; font-size: 15px } .small { font-size: 11.5px; fill: #6f6d66 }
.ours { fill: #2a78d6 } .floor { fill: #a3a199 } .end { text-anchor: end } .middle { text-anchor: middle }
.ours-line { stroke: #2a78d6 } .floor-line { stroke: #a3a199 } line { stroke-width: 2 }
.grid { stroke: #dddbd3; stroke-width: 1 }
@media (prefers-color-scheme: dark) {
  .page { fill: #1a1a19 } text { fill: #dcdad2 } .small { fill: #a3a199 }
  .ours { fill: #3987e5 } .ours-line { stroke: #3987e5 } .grid { stroke: #3d3c39 }
}`;

const isSingle = (name: string): boolean => name.endsWith('one under way');

const lookOf = ({ name }: CommandRow): 'floor' | 'ours' =>
  name.startsWith('NATS echo') || name.startsWith('Redis append') ? 'floor' : 'ours';

function bars(rows: readonly CommandRow[], top: number): string[] {
  const most = Math.max(1, ...rows.map(({ perSecond }) => perSecond));
  return rows.flatMap((row, index) => {
    const y = top + index * rowHeight;
    const length = (row.perSecond / most) * plotWidth;
    const end = labelWidth + length + 6;
    return [
      text({ x: labelWidth - 10, y: y + 14, kind: 'end', says: row.name }),
      `<rect class="${lookOf(row)}" x="${labelWidth}" y="${y}" width="${length.toFixed(1)}" height="18" rx="2"/>`,
      text({ x: end, y: y + 14, kind: 'value', says: whole(row.perSecond) }),
    ];
  });
}

/** Each row a line from its p50 to its p99.9, on an axis in powers of ten. */
function ranges(rows: readonly CommandRow[], top: number): string[] {
  const shown = rows.flatMap(({ p50, p99, p999 }) => [p50, p99, p999]).filter((ms) => ms > 0);
  const low = Math.floor(Math.log10(Math.min(0.1, ...shown)));
  const high = Math.ceil(Math.log10(Math.max(1, ...shown)));
  const place = (ms: number): number =>
    labelWidth + ((Math.log10(Math.max(ms, 10 ** low)) - low) / (high - low)) * plotWidth;
  const bottom = top + rows.length * rowHeight;
  const grid = Array.from({ length: high - low + 1 }, (_, step) => {
    const x = place(10 ** (low + step)).toFixed(1);
    const says = `${Number((10 ** (low + step)).toPrecision(1))}`;
    return (
      `<line class="grid" x1="${x}" x2="${x}" y1="${top}" y2="${bottom}"/>` +
      text({ x, y: bottom + 16, kind: 'small middle', says })
    );
  });
  const marks = rows.flatMap((row, index) => {
    const y = top + index * rowHeight + 12;
    const look = lookOf(row);
    const [from, to] = [place(row.p50), place(row.p999)];
    const dot = (ms: number, radius: number): string =>
      `<circle class="${look}" cx="${place(ms).toFixed(1)}" cy="${y}" r="${radius}"/>`;
    return [
      text({ x: labelWidth - 10, y: y + 4, kind: 'end', says: row.name }),
      `<line class="${look}-line" x1="${from.toFixed(1)}" x2="${to.toFixed(1)}" y1="${y}" y2="${y}"/>`,
      dot(row.p50, 5),
      dot(row.p99, 4),
      dot(row.p999, 3),
    ];
  });
  return [...grid, ...marks];
}

interface Text {
  readonly x: number | string;
  readonly y: number;
  readonly kind: string;
  readonly says: string;
}

const text = ({ x, y, kind, says }: Text): string =>
  `<text class="${kind}" x="${x}" y="${y}">${escaped(says)}</text>`;

const escaped = (says: string): string =>
  says.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
