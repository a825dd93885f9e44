import { linkSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';

/**
 * Takes a lock file for a process (by default this one), or says which living process holds it. A
 * process that died holds nothing, even if its number was given to another one since (where /proc
 * tells when a process began).
 */
export function takePidLock(path, pid = process.pid) {
  const mine = `${pid} ${beginningOf(pid)}\n`;
  const draft = `${path}.${process.pid}.new`;
  writeFileSync(draft, mine);
  try {
    for (;;) {
      // A link either makes the whole file appear or fails: nobody ever reads half a lock.
      if (succeeds(() => linkSync(draft, path), 'EEXIST')) {
        return { kind: 'taken', release: () => release(path, mine) };
      }
      const found = read(path);
      if (found === undefined) continue;
      const holder = livingHolder(found);
      if (holder !== undefined) return { kind: 'held', pid: holder };
      discard(path, found);
    }
  } finally {
    unlinkSync(draft);
  }
}

function release(path, mine) {
  if (read(path) === mine) succeeds(() => unlinkSync(path), 'ENOENT');
}

/** Moves a dead process's lock out of the way; what turns out to be another's fresh one goes back. */
function discard(path, dead) {
  const aside = `${path}.${process.pid}.old`;
  if (!succeeds(() => renameSync(path, aside), 'ENOENT')) return;
  if (read(aside) !== dead) succeeds(() => linkSync(aside, path), 'EEXIST');
  unlinkSync(aside);
}

function livingHolder(content) {
  const [number = '', ...beginning] = content.trim().split(' ');
  const pid = Number(number);
  if (!Number.isInteger(pid) || pid <= 0 || !isAlive(pid)) return undefined;
  return beginningOf(pid) === beginning.join(' ') ? pid : undefined;
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives, but belongs to somebody else.
    return codeOf(error) === 'EPERM';
  }
}

/** When a process began, in words that no later process repeats; empty where the system is silent. */
function beginningOf(pid) {
  const status = read(`/proc/${pid}/stat`);
  if (status === undefined) return '';
  // The second field is the program's name in parentheses and may itself contain both.
  const fields = status.slice(status.lastIndexOf(')') + 2).split(' ');
  // A zombie does nothing any more, but keeps its number until somebody asks for its status.
  if (fields[0] === 'Z' || fields[0] === 'X') return 'ended';
  return `${read('/proc/sys/kernel/random/boot_id')?.trim()} ${fields[19]}`;
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ESRCH') return undefined;
    throw error;
  }
}

/** Whether an action went through; false if it failed for the one expected reason. */
function succeeds(action, expected) {
  try {
    action();
    return true;
  } catch (error) {
    if (codeOf(error) === expected) return false;
    throw error;
  }
}

const codeOf = (error) => (error instanceof Error && 'code' in error ? error.code : undefined);
