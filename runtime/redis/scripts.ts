import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** A Lua script: its text, and the SHA-1 by which Redis knows it once it has run. */
export interface Script {
  readonly source: string;
  readonly sha: string;
}

/** Every script of this folder; each file's header is its contract. */
export const scripts = {
  acquire: load('acquire'),
  renew: load('renew'),
  release: load('release'),
  handOver: load('hand-over'),
  regroup: load('regroup'),
  append: load('append'),
  trim: load('trim'),
  snapshots: load('snapshots'),
  chunk: load('chunk'),
  checkpoint: load('checkpoint'),
  deadLetter: load('dead-letter'),
  heartbeat: load('heartbeat'),
  settle: load('settle'),
  seatHold: load('seat-hold'),
  seatRelease: load('seat-release'),
  seatRead: load('seat-read'),
} as const;

function load(name: string): Script {
  const source = readFileSync(new URL(`./scripts/${name}.lua`, import.meta.url), 'utf8');
  return { source, sha: hash('sha1', source) };
}
