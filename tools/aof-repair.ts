/**
 * What kill -9 can do to Redis: tear the transaction it was just writing. That one was never
 * acknowledged (`appendfsync always` answers after the write), but Redis will not start over it.
 * Only a torn end is ever cut, and the bytes are kept; damage anywhere else is refused.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { scanAof } from './aof-scan.ts';

/** What was cut off `file`, from `offset` to its end, and where it is kept. */
export interface TornTail {
  readonly file: string;
  readonly offset: number;
  readonly bytes: number;
  readonly kept: string;
}

/**
 * Cuts an incomplete last command or transaction off the newest incremental file of a Redis
 * `appendonlydir`, while no Redis runs on it. Undefined if the file is whole; throws
 * `AofFormatError`, and changes nothing, if it is damaged otherwise.
 */
export async function cutTornTail(appendOnlyDir: string): Promise<TornTail | undefined> {
  const file = await newestIncrement(appendOnlyDir);
  if (file === undefined) return undefined;
  const { sound, size } = await scanAof(file);
  if (sound === size) return undefined;
  const kept = `${file}.torn-${sound}-${Date.now()}`;
  await pipeline(
    createReadStream(file, { start: sound }),
    createWriteStream(kept, { flags: 'wx', flush: true }),
  );
  const handle = await open(file, 'r+');
  try {
    await handle.truncate(sound);
    await handle.sync();
  } finally {
    await handle.close();
  }
  return { file, offset: sound, bytes: size - sound, kept };
}

/** Of a manifest's lines `file <name> seq <n> type i` the last: only its file is being written to. */
async function newestIncrement(appendOnlyDir: string): Promise<string | undefined> {
  const manifest = await readFile(join(appendOnlyDir, 'appendonly.aof.manifest'), 'utf8');
  const name = [...manifest.matchAll(/^file (\S+) seq \d+ type i/gm)].at(-1)?.[1];
  return name === undefined ? undefined : join(appendOnlyDir, name);
}
