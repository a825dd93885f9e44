/** Metrics as Prometheus reads them: its text format 0.0.4. */

/** One measurement: its labels, and what was measured. */
export interface Sample {
  readonly labels?: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** Everything that is measured under one name. */
export type Family =
  | {
      readonly type: 'counter' | 'gauge';
      readonly name: string;
      readonly help: string;
      readonly samples: readonly Sample[];
    }
  | {
      readonly type: 'histogram';
      readonly name: string;
      readonly help: string;
      /** The upper bounds of all buckets but the last, which has none. */
      readonly bounds: readonly number[];
      /** How many measurements fell into each bucket, the last included. */
      readonly counts: readonly number[];
      readonly sum: number;
    };

export const prometheusType = 'text/plain; version=0.0.4; charset=utf-8';

/** The text that a scrape gets. */
export const prometheusText = (families: readonly Family[]): string =>
  families.map(textOf).join('');

function textOf(family: Family): string {
  const { name, help, type } = family;
  const head = `# HELP ${name} ${help.replaceAll('\\', '\\\\')}\n# TYPE ${name} ${type}\n`;
  const samples = family.type === 'histogram' ? histogramLines(family) : plainLines(family);
  return `${head}${samples.join('')}`;
}

const plainLines = ({ name, samples }: Extract<Family, { samples: unknown }>): string[] =>
  samples.map(({ labels = {}, value }) => `${name}${labelText(labels)} ${value}\n`);

function histogramLines(family: Extract<Family, { type: 'histogram' }>): string[] {
  const { name, bounds, counts, sum } = family;
  let total = 0;
  const buckets = counts.map((count, index) => {
    total += count;
    return `${name}_bucket${labelText({ le: bounds[index] ?? '+Inf' })} ${total}\n`;
  });
  return [...buckets, `${name}_sum ${sum}\n`, `${name}_count ${total}\n`];
}

function labelText(labels: NonNullable<Sample['labels']>): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${escaped(`${value}`)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

const escaped = (text: string): string =>
  text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
