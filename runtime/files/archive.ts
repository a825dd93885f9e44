/**
 * An archive of files: `<folder>/<partition>/<first>-<last>.jsonl.gz` holds the entries with the
 * records of these positions, one as JSON on each line; beside it stands its SHA-256, as sha256sum
 * writes and checks it.
 *
 * A file gets its name when it is whole and on disk, its checksum before that: one without a
 * checksum cannot be. A crash may leave a `.part`, which means nothing: whoever next writes for the
 * partition deletes it, once in each process.
 */
import { hash, randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import { constants, gunzip, gzip } from 'node:zlib';
import { ArchiveDamaged, type Archive } from '../archive.ts';
import type { Entry } from '../log.ts';

const compress = promisify(gzip);
const expand = promisify(gunzip);
/** Records repeat themselves so much that more effort would save little and cost a core under load. */
const level = constants.Z_BEST_SPEED;

/** The archive in a folder, which is made when it is first written to. */
export const fileArchive = (folder: string): Archive => {
  const swept = new Set<number>();
  return {
    async write(partition, entries) {
      const [first, last] = [entries[0], entries.at(-1)];
      if (first === undefined || last === undefined) return;
      const within = join(folder, `${partition}`);
      const name = `${first.position}-${last.position + last.n - 1}.jsonl.gz`;
      const lines = entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');
      await makeFolder(within);
      if (!swept.has(partition)) await sweep(within);
      swept.add(partition);
      if (!(await isKept(within, name, lines))) await keep(within, name, lines);
      await sync(within);
    },

    async read(partition, position) {
      const within = join(folder, `${partition}`);
      const name = await nameOf(within, position);
      if (name === undefined) return [];
      const entries = await parse(await readLines(within, name));
      return entries.slice(entries.findIndex((entry) => position < entry.position + entry.n));
    },
  };
};

/**
 * Deletes what crashes have left. Only a partition's owner writes here, one file at a time, so what
 * is there is stale; a former owner that wakes in the middle of a file cannot rename it any more,
 * which fails its write and loses nothing: it may not trim either.
 */
async function sweep(folder: string): Promise<void> {
  const parts = (await readdir(folder)).filter((name) => name.endsWith('.part'));
  for (const name of parts) await rm(join(folder, name), { force: true });
}

async function keep(folder: string, name: string, lines: string): Promise<void> {
  const bytes = await compress(lines, { level });
  await writeWhole(folder, `${name}.sha256`, `${hash('sha256', bytes)}  ${name}\n`);
  await writeWhole(folder, name, bytes);
}

/** Whether a file with these lines is there; one with others is not overwritten. */
async function isKept(folder: string, name: string, lines: string): Promise<boolean> {
  const kept = await readLines(folder, name).catch((error: unknown) => {
    if (error instanceof ArchiveDamaged || isMissing(error)) return undefined;
    throw error;
  });
  if (kept === undefined || kept === lines) return kept === lines;
  throw new ArchiveDamaged(
    `${join(folder, name)} holds other records than the log: the folder belongs to another cluster, ` +
      'or the log was replaced. Move it away.',
  );
}

async function readLines(folder: string, name: string): Promise<string> {
  const path = join(folder, name);
  const bytes = await readFile(path);
  const sum = await readFile(`${path}.sha256`, 'utf8').catch(() => '');
  if (!sum.startsWith(`${hash('sha256', bytes)} `)) {
    throw new ArchiveDamaged(`${path} does not have the checksum that was written with it.`);
  }
  return (await expand(bytes)).toString();
}

/** So much text is parsed in a millisecond: a host has other work between. */
const stretchLength = 256 * 1024;

/** The lines are what `write` made, as their checksum tells. */
async function parse(lines: string): Promise<Entry[]> {
  const entries: Entry[] = [];
  let length = 0;
  for (const line of lines.trimEnd().split('\n')) {
    const entry: Entry = JSON.parse(line);
    entries.push(entry);
    length += line.length;
    if (length < stretchLength) continue;
    length = 0;
    await setImmediate();
  }
  return entries;
}

/** Of the files that hold a position, the one that reaches furthest. */
async function nameOf(folder: string, position: number): Promise<string | undefined> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw error;
  });
  let found: { readonly name: string; readonly last: number } | undefined;
  for (const name of names) {
    const [, first, last] = /^(\d+)-(\d+)\.jsonl\.gz$/.exec(name) ?? [];
    const holds = Number(first) <= position && position <= Number(last);
    if (holds && (found === undefined || found.last < Number(last)))
      found = { name, last: Number(last) };
  }
  return found?.name;
}

async function makeFolder(folder: string): Promise<void> {
  const made = await mkdir(folder, { recursive: true });
  if (made !== undefined) await sync(dirname(made));
}

/** Under its name it is whole or not there at all. */
async function writeWhole(folder: string, name: string, content: string | Buffer): Promise<void> {
  const part = join(folder, `${name}.${randomUUID()}.part`);
  try {
    const file = await open(part, 'wx');
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(part, join(folder, name));
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

/** Makes the names in a folder durable. */
async function sync(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT';
