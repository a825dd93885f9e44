import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where Debian keeps servers, and what the PATH of a normal user there leaves out. */
const systemDirectories = ['/usr/sbin', '/usr/local/sbin'];

/** The full path of a program, or undefined if it is not installed. */
export function findProgram(name) {
  const listed = (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((directory) => directory !== '');
  return [...listed, ...systemDirectories]
    .map((directory) => join(directory, name))
    .find(isExecutable);
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
