/** Cells of the table that are filled at most: more would take noticeable time. */
const LARGEST_TABLE = 1_000_000;

/** The items [start, end) of one list have become [from, to) of another. */
export interface IDifference {
  readonly start: number;
  readonly end: number;
  readonly from: number;
  readonly to: number;
}

/**
 * What differs between two lists, in order, by their longest common subsequence.
 * Of very long lists it is one difference, from the first to the last.
 */
export function differences(
  before: readonly string[],
  after: readonly string[]
): IDifference[] {
  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && before[head] === after[head]) {
    head++;
  }
  let tail = 0;
  while (
    tail < shorter - head &&
    before[before.length - 1 - tail] === after[after.length - 1 - tail]
  ) {
    tail++;
  }
  const a = before.slice(head, before.length - tail);
  const b = after.slice(head, after.length - tail);
  if (a.length === 0 && b.length === 0) {
    return [];
  }
  const whole = [{ start: 0, end: a.length, from: 0, to: b.length }];
  const found = a.length * b.length > LARGEST_TABLE ? whole : walk(a, b);
  return found.map(({ start, end, from, to }) => ({
    start: start + head,
    end: end + head,
    from: from + head,
    to: to + head
  }));
}

function walk(a: readonly string[], b: readonly string[]): IDifference[] {
  const common = lengths(a, b);
  const found: IDifference[] = [];
  let [i, j, start, from] = [0, 0, 0, 0];
  const note = () => {
    if (start < i || from < j) {
      found.push({ start, end: i, from, to: j });
    }
  };
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) {
      note();
      start = ++i;
      from = ++j;
    } else if (common[i + 1][j] >= common[i][j + 1]) {
      i++;
    } else {
      j++;
    }
  }
  [i, j] = [a.length, b.length];
  note();
  return found;
}

/** Lengths of the longest common subsequences of all tails of `a` and `b`. */
function lengths(a: readonly string[], b: readonly string[]): Uint32Array[] {
  const table = Array.from(
    { length: a.length + 1 },
    () => new Uint32Array(b.length + 1)
  );
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      table[i][j] =
        a[i] === b[j]
          ? table[i + 1][j + 1] + 1
          : Math.max(table[i + 1][j], table[i][j + 1]);
    }
  }
  return table;
}
