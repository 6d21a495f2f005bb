/**
 * Text positions and differences. JavaScript counts UTF-16 units, the protocol
 * counts Unicode code points; these functions stand between the two.
 */

/** Replace the code points `start` to `end` by `text`. */
export interface IDelta {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

function isHigh(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

function isLow(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}

/** Whether a cut at UTF-16 `index` would part the two halves of one code point. */
function splitsPair(text: string, index: number): boolean {
  return (
    index > 0 &&
    index < text.length &&
    isHigh(text.charCodeAt(index - 1)) &&
    isLow(text.charCodeAt(index))
  );
}

/** The number of code points in `text` between two UTF-16 indices. */
export function countPoints(
  text: string,
  from = 0,
  to: number = text.length
): number {
  let count = to - from;
  for (let index = from; index < to - 1; index++) {
    if (isHigh(text.charCodeAt(index)) && isLow(text.charCodeAt(index + 1))) {
      count--;
      index++;
    }
  }
  return count;
}

/** The UTF-16 index of code point `offset`; beyond the end it is the length. */
export function indexOfPoint(text: string, offset: number): number {
  let index = 0;
  for (let point = 0; point < offset && index < text.length; point++) {
    index += splitsPair(text, index + 1) ? 2 : 1;
  }
  return index;
}

/**
 * The smallest single replacement that turns `before` into `after`, or `null`
 * if they are equal.
 *
 * Comparing the two texts of one cell, instead of following the editor's
 * events, cannot drift: whatever changed the cell, the result is right.
 */
export function diff(before: string, after: string): IDelta | null {
  if (before === after) {
    return null;
  }
  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && before.charCodeAt(head) === after.charCodeAt(head)) {
    head++;
  }
  if (splitsPair(before, head) || splitsPair(after, head)) {
    head--;
  }
  let tail = 0;
  while (
    tail < shorter - head &&
    before.charCodeAt(before.length - 1 - tail) ===
      after.charCodeAt(after.length - 1 - tail)
  ) {
    tail++;
  }
  if (
    splitsPair(before, before.length - tail) ||
    splitsPair(after, after.length - tail)
  ) {
    tail--;
  }
  const start = countPoints(before, 0, head);
  return {
    start,
    end: start + countPoints(before, head, before.length - tail),
    text: after.slice(head, after.length - tail)
  };
}

/** `text` after `delta`: what the server does with a `change`. */
export function apply(text: string, delta: IDelta): string {
  return (
    text.slice(0, indexOfPoint(text, delta.start)) +
    delta.text +
    text.slice(indexOfPoint(text, delta.end))
  );
}
