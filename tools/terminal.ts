/** Colours for people: only on a terminal, and not where NO_COLOR is set (no-color.org). */

/** Where a command prints: standard output, or a test. */
export interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export interface Paint {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
}

const escaped =
  (on: number, off: number) =>
  (text: string): string =>
    `\x1b[${on}m${text}\x1b[${off}m`;

const colours: Paint = {
  bold: escaped(1, 22),
  dim: escaped(2, 22),
  red: escaped(31, 39),
  green: escaped(32, 39),
};

const same = (text: string): string => text;
const plain: Paint = { bold: same, dim: same, red: same, green: same };

/** What paints for an output. */
export function paintFor(
  output: Pick<Output, 'isTTY'>,
  environment: { readonly [name: string]: string | undefined } = process.env,
): Paint {
  const wanted = output.isTTY === true && (environment['NO_COLOR'] ?? '') === '';
  return wanted ? colours : plain;
}

/** Rows as columns, two blanks apart; numbers to the right. The first row is the heading. */
export function columns(rows: readonly (readonly (string | number)[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, at) =>
    Math.max(...rows.map((row) => `${row[at] ?? ''}`.length)),
  );
  const right = widths.map((_, at) => rows.some((row) => typeof row[at] === 'number'));
  return rows.map((row) =>
    row
      .map((cell, at) => {
        const width = widths[at] ?? 0;
        return right[at] ? `${cell}`.padStart(width) : `${cell}`.padEnd(width);
      })
      .join('  ')
      .trimEnd(),
  );
}
