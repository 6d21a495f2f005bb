/*
 * Characters that make code look other than it is, or cannot be seen: controls
 * but tab and newline, line and paragraph separators, and all that Unicode
 * calls format characters (Cf), tags included. The joiners U+200C and U+200D
 * stay, as emoji and some scripts need them.
 */
const UNSEEN =
  // eslint-disable-next-line no-control-regex
  /[\0-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u2060-\u206f\u{e0000}-\u{e007f}]|(?![\u200c\u200d])\p{Cf}/gu;

/**
 * Text of a model without characters that could deceive the person who reads
 * it. The server filters too; a remote one may be older than this page.
 */
export function clean(text: string): string {
  return text.replace(UNSEEN, '');
}
