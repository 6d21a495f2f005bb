import { differences } from './differences';

/** Below this share of common text two lines are better shown as all new. */
const LEAST_COMMON = 0.3;

/** A range of UTF-16 units in a text. */
export interface IRange {
  readonly from: number;
  readonly to: number;
}

/** What differs between two texts, in each of them. */
export interface IWordChanges {
  readonly removed: readonly IRange[];
  readonly added: readonly IRange[];
}

/**
 * The words that differ between two texts; nothing if they have little in
 * common: then all is new.
 */
export function wordChanges(before: string, after: string): IWordChanges {
  const [a, b] = [words(before), words(after)];
  const found = differences(a, b);
  const removed = found
    .filter(({ start, end }) => start < end)
    .map(({ start, end }) => rangeOf(a, start, end));
  const added = found
    .filter(({ from, to }) => from < to)
    .map(({ from, to }) => rangeOf(b, from, to));
  const fresh = added.map(({ from, to }) => after.slice(from, to)).join('');
  const gone = removed.map(({ from, to }) => before.slice(from, to)).join('');
  const share = Math.min(
    1 - inked(fresh) / inked(after),
    1 - inked(gone) / inked(before)
  );
  return share < LEAST_COMMON ? { removed: [], added: [] } : { removed, added };
}

function words(text: string): string[] {
  return (
    text.match(
      /[\p{L}_][\p{L}\p{N}_]*|\p{N}+(?:\.\p{N}+)*|\s+|[^\p{L}\p{N}\s]/gu
    ) ?? []
  );
}

function rangeOf(words: readonly string[], start: number, end: number): IRange {
  const from = words.slice(0, start).join('').length;
  return { from, to: from + words.slice(start, end).join('').length };
}

/** How many characters of a text can be seen, at least 1. */
function inked(text: string): number {
  return Math.max(1, text.replace(/\s/g, '').length);
}
