/*
 * Characters that make code look other than it is, or cannot be seen: controls
 * but tab and newline, soft hyphen, direction marks, embeddings, overrides and
 * isolates, zero-width space, invisible operators, byte order mark, and tags.
 * The joiners U+200C and U+200D stay, as emoji and some scripts need them.
 */
const UNSEEN =
  // eslint-disable-next-line no-control-regex
  /[\0-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e007f}]/gu;

/**
 * Text of a model without characters that could deceive the person who reads
 * it. The server filters too; a remote one may be older than this page.
 */
export function clean(text: string): string {
  return text.replace(UNSEEN, '');
}
