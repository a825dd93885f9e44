/**
 * Reads a Redis append-only file (commands in RESP: `*<n>`, then n times `$<length>` and as many
 * bytes) just far enough to know where the last whole command or transaction ends. Memory is
 * bounded: arguments are skipped, not kept.
 */
import { createReadStream } from 'node:fs';

export interface AofScan {
  /** The offset after the last complete command that is in no transaction, or after the last EXEC. */
  readonly sound: number;
  readonly size: number;
}

/** The file is not what Redis writes, and not merely cut short: it must not be repaired by cutting. */
export class AofFormatError extends Error {
  override readonly name = 'AofFormatError';
}

/** Throws `AofFormatError` for anything but a file that is whole or cut off. */
export async function scanAof(path: string): Promise<AofScan> {
  const scanner = new Scanner(path);
  for await (const chunk of bytesOf(path, 0)) scanner.push(chunk);
  const { unfinished, ...scan } = scanner.end();
  // What we store never holds a raw line end (JSON escapes them). Commands inside an argument that
  // seems cut off mean that its length is wrong: cutting there would drop what was acknowledged.
  if (unfinished !== undefined && (await hasCommands(path, unfinished))) {
    throw damaged(path, unfinished, 'an argument with a wrong length');
  }
  return scan;
}

const carriageReturnLineFeed = '\r\n';
const lineLengthMax = 1_024;
/** Enough of an argument's end to know `multi` and `exec`, and the line end after it. */
const endingLength = 10;

type Expecting =
  | { readonly kind: 'command' }
  | { readonly kind: 'argument' }
  | { readonly kind: 'body'; readonly from: number };

class Scanner {
  readonly #path: string;
  #expecting: Expecting = { kind: 'command' };
  #offset = 0;
  #sound = 0;
  #inTransaction = false;
  /** The line that is being read, or the end of the argument that is being skipped. */
  #text = '';
  /** Bytes of the body still to come, its line end included. */
  #bodyLeft = 0;
  #argumentsLeft = 0;
  #command: string | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      const rest = chunk.subarray(at);
      at += this.#expecting.kind === 'body' ? this.#skip(rest) : this.#readLine(rest);
    }
  }

  end(): AofScan & { unfinished: number | undefined } {
    const begun = this.#expecting.kind === 'command' ? /^(\*\d*\r?|#.*)?$/ : /^(\$\d*\r?)?$/;
    if (this.#expecting.kind !== 'body' && !begun.test(this.#text)) throw this.#unreadableLine();
    const unfinished = this.#expecting.kind === 'body' ? this.#expecting.from : undefined;
    return { sound: this.#sound, size: this.#offset, unfinished };
  }

  #readLine(chunk: Buffer): number {
    const lineEnd = chunk.indexOf('\n');
    const used = lineEnd < 0 ? chunk.length : lineEnd + 1;
    if (this.#text.length + used > lineLengthMax) throw this.#unreadableLine();
    this.#text += chunk.toString('latin1', 0, used);
    this.#offset += used;
    if (lineEnd >= 0) this.#endLine();
    return used;
  }

  #endLine(): void {
    if (this.#expecting.kind === 'argument') {
      this.#bodyLeft = this.#number(/^\$(\d{1,9})\r\n$/) + carriageReturnLineFeed.length;
      this.#expecting = { kind: 'body', from: this.#offset };
    } else if (!this.#text.startsWith('#')) {
      this.#argumentsLeft = this.#number(/^\*([1-9]\d{0,6})\r\n$/);
      this.#command = undefined;
      this.#expecting = { kind: 'argument' };
    }
    this.#text = '';
  }

  #skip(chunk: Buffer): number {
    const used = Math.min(chunk.length, this.#bodyLeft);
    const ending = chunk.toString('latin1', Math.max(0, used - endingLength), used);
    this.#text = (this.#text + ending).slice(-endingLength);
    this.#offset += used;
    this.#bodyLeft -= used;
    if (this.#bodyLeft === 0) this.#endArgument();
    return used;
  }

  #endArgument(): void {
    if (!this.#text.endsWith(carriageReturnLineFeed)) {
      throw damaged(this.#path, this.#offset, 'an argument with a wrong length');
    }
    this.#command ??= this.#text.slice(0, -carriageReturnLineFeed.length).toLowerCase();
    this.#text = '';
    this.#argumentsLeft--;
    this.#expecting = { kind: this.#argumentsLeft > 0 ? 'argument' : 'command' };
    if (this.#argumentsLeft === 0) this.#endCommand(this.#command);
  }

  #endCommand(command: string): void {
    const wrong = this.#inTransaction ? 'multi' : 'exec';
    if (command === wrong) throw damaged(this.#path, this.#offset, `a misplaced ${wrong}`);
    if (command === 'multi') this.#inTransaction = true;
    if (command === 'exec') this.#inTransaction = false;
    if (!this.#inTransaction) this.#sound = this.#offset;
  }

  #number(grammar: RegExp): number {
    const digits = grammar.exec(this.#text)?.[1];
    if (digits === undefined) throw this.#unreadableLine();
    return Number(digits);
  }

  #unreadableLine(): AofFormatError {
    return damaged(this.#path, this.#offset - this.#text.length, 'something that is not a command');
  }
}

async function hasCommands(path: string, from: number): Promise<boolean> {
  const longestMatch = 32;
  let text = '';
  for await (const chunk of bytesOf(path, from)) {
    text = text.slice(-longestMatch) + chunk.toString('latin1');
    if (/\r\n\*\d{1,7}\r\n\$\d{1,9}\r\n/.test(text)) return true;
  }
  return false;
}

async function* bytesOf(path: string, start: number): AsyncGenerator<Buffer> {
  for await (const chunk of createReadStream(path, { start, highWaterMark: 1 << 20 })) {
    if (Buffer.isBuffer(chunk)) yield chunk;
  }
}

const damaged = (path: string, offset: number, what: string): AofFormatError =>
  new AofFormatError(
    `${path} has ${what} at offset ${offset}. That is damage, not a torn last write, so nothing ` +
      'was changed. Restore the data from a backup, or start with another data directory.',
  );
