/** Changes the sources on their way into a process: import this before what is to be changed. */
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { PlantedFault } from './faults.ts';

const root = join(import.meta.dirname, '..', '..');

/** Plants a fault in all modules that are loaded from now on; throws if its text is not there once. */
export function plant(fault: PlantedFault): void {
  const changed = new Map(
    [...new Set(fault.edits.map(({ file }) => file))].map((file) => [
      pathToFileURL(join(root, file)).href,
      changedText(file, fault),
    ]),
  );
  registerHooks({
    load: (url, context, load) => {
      const source = changed.get(url);
      const loaded = load(url, context);
      return source === undefined ? loaded : { ...loaded, source };
    },
  });
}

/** What a file becomes. */
export function changedText(file: string, { name, edits }: PlantedFault): string {
  let text = readFileSync(join(root, file), 'utf8');
  for (const edit of edits) {
    if (edit.file !== file) continue;
    if (text.split(edit.from).length !== 2)
      throw new Error(`"${name}": this text is not in ${file} exactly once:\n${edit.from}`);
    text = text.replace(edit.from, () => edit.to);
  }
  return text;
}
