import { NO_HUNK } from '../client/frames';
import type { IHunk } from '../client/protocol';
import { differences } from './differences';

/**
 * Lines of a text, as the server counts them: only `\n` ends a line, with or
 * without a `\r` before it, and an end at the very end opens no further line.
 * A byte order mark in front belongs to no line.
 */

const BOM = '\ufeff';

/** The lines of `text`, each with its end; joined they are `text` again. */
export function splitLines(text: string): string[] {
  const lines = text.split('\n');
  const last = lines.pop()!;
  const ended = lines.map(line => `${line}\n`);
  return last ? [...ended, last] : ended;
}

/** Characters of a line by which a person knows it. */
const HEAD_LENGTH = 60;

/** By what a person knows a text: its first line that says something; '' without any. */
export function headOf(text: string): string {
  const line = bodies(text).find(line => line.trim()) ?? '';
  const characters = [...line.trim()];
  return characters.length > HEAD_LENGTH
    ? `${characters.slice(0, HEAD_LENGTH - 1).join('')}…`
    : characters.join('');
}

/** A line without its end. */
export function body(line: string): string {
  return line.replace(/\r?\n$/, '');
}

/** The lines of `text` without their ends, and without a byte order mark. */
export function bodies(text: string): string[] {
  return splitLines(text.slice(markLength(text))).map(body);
}

function markLength(text: string): number {
  return text.startsWith(BOM) ? BOM.length : 0;
}

/** How a line that comes to stand at `at` ends: as the one there, or a neighbour. */
export function endAt(lines: readonly string[], at: number): string {
  for (const near of [at, at - 1, at + 1]) {
    const end = lines[near]?.slice(body(lines[near]).length);
    if (end) {
      return end;
    }
  }
  return '\n';
}

/** The lines [`start`, `end`) have become `count` lines. */
export interface ILineChange {
  readonly start: number;
  readonly end: number;
  readonly count: number;
}

/** What lines changed from `before` to `after`, the last first. */
export function lineChanges(
  before: readonly string[],
  after: readonly string[]
): ILineChange[] {
  return differences(before, after)
    .map(({ start, end, from, to }) => ({ start, end, count: to - from }))
    .reverse();
}

/** What turns one text of a cell into another, as hunks. */
export function lineHunks(
  cell: string,
  before: string,
  after: string
): IHunk[] {
  const fresh = bodies(after);
  return differences(bodies(before), fresh).map(({ start, end, from, to }) => ({
    ...NO_HUNK,
    cell,
    start,
    end,
    new: fresh.slice(from, to)
  }));
}

/** `insert` replaces the UTF-16 units `from` to `to`. */
export interface ISplice {
  readonly from: number;
  readonly to: number;
  readonly insert: string;
}

/** `text` after a splice. */
export function spliced(text: string, { from, to, insert }: ISplice): string {
  return text.slice(0, from) + insert + text.slice(to);
}

/**
 * What puts the lines `fresh` in the place of the lines [`start`, `end`) and
 * leaves every other byte alone. The last line stays ended or not, as it was.
 *
 * @param end - at most the number of lines in `text`
 * @param fresh - without ends
 * @param eol - how the fresh lines end
 * @param isEnded - whether an empty text counts as one whose last line is ended
 */
export function spliceOf(
  text: string,
  start: number,
  end: number,
  fresh: readonly string[],
  eol: string,
  isEnded: boolean
): ISplice {
  const mark = markLength(text);
  const lines = splitLines(text.slice(mark));
  const length = (upTo: number) => mark + lines.slice(0, upTo).join('').length;
  const from = length(start);
  const to = length(end);
  const hasEnd = lines.length === 0 ? isEnded : text.endsWith('\n');
  if (end < lines.length || hasEnd) {
    return { from, to, insert: fresh.map(line => line + eol).join('') };
  }
  if (fresh.length > 0) {
    const isBehind = start === lines.length && start > 0;
    return { from, to, insert: (isBehind ? eol : '') + fresh.join(eol) };
  }
  // The line before becomes the last one, which is not ended.
  const before =
    start > 0 ? length(start - 1) + body(lines[start - 1]).length : from;
  return { from: before, to, insert: '' };
}
