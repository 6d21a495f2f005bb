/** Parts of a suggestion that are accepted by themselves. Pure. */

/**
 * The first word of a suggestion with the white space before it; signs in a
 * row count as a word. Line breaks belong to the word behind them.
 */
export function firstWord(text: string): string {
  return /^\s*(?:[\p{L}\p{N}\p{M}_]+|[^\s\p{L}\p{N}\p{M}_]+)?/u.exec(text)![0];
}

/**
 * A suggestion up to the end of the line; if it begins with line breaks, these
 * and the line behind them.
 */
export function firstLine(text: string): string {
  return /^\s*\n[^\n]*|^[^\n]*/.exec(text)![0];
}
