/** Reads the part of Gherkin that the published features use: steps, tables, outlines. */

export interface Step {
  /** Without its keyword. */
  readonly text: string;
  /** Table rows, the header first; empty without a table. */
  readonly table: readonly (readonly string[])[];
}

export interface Scenario {
  readonly name: string;
  /** Those of the background first. */
  readonly steps: readonly Step[];
}

/** The scenarios of a feature; an outline gives one for each row of its examples. */
export function readFeature(text: string): Scenario[] {
  const background: OpenStep[] = [];
  const sections: Section[] = [];
  let steps = background;
  let table: string[][] | undefined;
  for (const line of text.split('\n').map((raw) => raw.trim())) {
    const heading = /^(Background|Scenario Outline|Scenario|Examples):\s*(.*)$/.exec(line);
    const step = /^(?:Given|When|Then|And|But)\s+(.*)$/.exec(line);
    if (heading?.[1] === 'Examples') {
      table = sections.at(-1)?.examples;
    } else if (heading && heading[1] !== 'Background') {
      const section: Section = { name: heading[2] ?? '', steps: [], examples: [] };
      sections.push(section);
      steps = section.steps;
    } else if (step) {
      const opened: OpenStep = { text: step[1] ?? '', table: [] };
      steps.push(opened);
      table = opened.table;
    } else if (line.startsWith('|')) {
      table?.push(
        line
          .split('|')
          .slice(1, -1)
          .map((cell) => cell.trim()),
      );
    }
  }
  return sections.flatMap((section) => expand(section, background));
}

interface OpenStep {
  readonly text: string;
  readonly table: string[][];
}

interface Section {
  readonly name: string;
  readonly steps: OpenStep[];
  readonly examples: string[][];
}

function expand({ name, steps, examples }: Section, background: readonly OpenStep[]): Scenario[] {
  const all = [...background, ...steps];
  const [header, ...rows] = examples;
  if (!header) return [{ name, steps: all }];
  return rows.map((row) => {
    const fill = (text: string): string =>
      text.replaceAll(/<([^>]+)>/g, (_, column: string) => row[header.indexOf(column)] ?? '');
    return {
      name: `${name} (${row.join(', ')})`,
      steps: all.map((step) => ({
        text: fill(step.text),
        table: step.table.map((cells) => cells.map(fill)),
      })),
    };
  });
}
