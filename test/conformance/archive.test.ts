import { readdir, readFile, truncate, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { ArchiveDamaged } from '../../runtime/archive.ts';
import { fileArchive } from '../../runtime/files/archive.ts';
import { memoryArchive } from '../../runtime/memory/archive.ts';
import { temporaryDirectory } from '../tools/temporary-directory.ts';
import { archiveConformance, entriesAt } from './archive.ts';

describe('the archive in memory', () => archiveConformance(async () => memoryArchive()));
describe('the archive in files', () => {
  archiveConformance(async () => fileArchive(join(await temporaryDirectory(), 'archive')));

  /** An archive with one file, and where that is. */
  async function oneFile() {
    const folder = await temporaryDirectory();
    const archive = fileArchive(folder);
    await archive.write(5, entriesAt(1, 3));
    return { archive, folder, file: join(folder, '5', '1-6.jsonl.gz') };
  }

  test('a file is named by its positions, holds an entry a line, and has its checksum beside it', async () => {
    const { folder, file } = await oneFile();
    expect(await readdir(join(folder, '5'))).toEqual(['1-6.jsonl.gz', '1-6.jsonl.gz.sha256']);
    const lines = gunzipSync(await readFile(file))
      .toString()
      .trimEnd()
      .split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(entriesAt(1, 3));
    const sum = await readFile(`${file}.sha256`, 'utf8');
    expect(sum).toMatch(/^[0-9a-f]{64} {2}1-6\.jsonl\.gz\n$/);
  });

  test.each([
    ['was cut', (file: string) => truncate(file, 40)],
    ['lost its checksum', (file: string) => unlink(`${file}.sha256`)],
    ['was replaced', async (file: string) => writeFile(file, await readFile(`${file}.sha256`))],
  ])('a file that %s is not read, and is written again from the log', async (_, damage) => {
    const { archive, file } = await oneFile();
    await damage(file);
    await expect(archive.read(5, 1)).rejects.toBeInstanceOf(ArchiveDamaged);
    await archive.write(5, entriesAt(1, 3));
    expect(await archive.read(5, 1)).toEqual(entriesAt(1, 3));
  });

  test('records of another log at the same positions are not overwritten', async () => {
    const { archive } = await oneFile();
    await expect(archive.write(5, entriesAt(1, 3, 2))).rejects.toThrow(/holds other records/);
    expect(await archive.read(5, 1)).toEqual(entriesAt(1, 3));
  });

  test('what a crash has left is no file of the archive', async () => {
    const { archive, file } = await oneFile();
    await writeFile(`${file}.x.part`, 'half');
    await writeFile(file.replace('1-6', '7-8') + '.sha256', 'a checksum without its file');
    expect(await archive.read(5, 7)).toEqual([]);
    await archive.write(5, entriesAt(7, 1));
    expect(await archive.read(5, 7)).toEqual(entriesAt(7, 1));
  });

  test('what a crash has left half-written is deleted by the first write of the next process', async () => {
    const { folder, file } = await oneFile();
    await writeFile(`${file}.x.part`, 'half');
    await fileArchive(folder).write(5, entriesAt(7, 1));
    expect(await readdir(join(folder, '5'))).toEqual([
      '1-6.jsonl.gz',
      '1-6.jsonl.gz.sha256',
      '7-8.jsonl.gz',
      '7-8.jsonl.gz.sha256',
    ]);
    expect(await fileArchive(folder).read(5, 1)).toEqual(entriesAt(1, 3));
  });
});
