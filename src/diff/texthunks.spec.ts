import type { ILinesHunk } from './hunk';
import { splitLines, spliced } from './lines';
import { TextHunks } from './texthunks';

/** A hunk that puts `fresh` in the place of the lines [start, end) of `text`. */
function hunk(
  text: string,
  start: number,
  end: number,
  fresh: string[]
): ILinesHunk {
  const lines = splitLines(text).map(line => line.replace(/\r?\n$/, ''));
  const eol = text.includes('\r\n') ? '\r\n' : '\n';
  return {
    kind: 'lines',
    cell: 'c',
    label: '',
    reasons: [],
    isProvisional: false,
    status: 'pending',
    step: 0,
    old: lines.slice(start, end),
    fresh,
    eol,
    start
  };
}

/** Accepts hunks of a text one after the other, as a document would see it. */
function acceptEach(
  text: string,
  hunks: ILinesHunk[],
  order: number[]
): string {
  const texts = new TextHunks(text, hunks);
  let document = text;
  order.forEach((index, step) => {
    for (const splice of texts.accept([hunks[index]], step + 1)) {
      document = spliced(document, splice);
    }
    expect(texts.text).toBe(document);
  });
  return document;
}

/** What remains when the lines of the chosen hunks are replaced, all at once. */
function expected(text: string, hunks: ILinesHunk[], chosen: number[]): string {
  const lines = splitLines(text);
  const isEnded = text.endsWith('\n');
  const eol = hunks[0].eol;
  const bodies = lines.map(line => line.replace(/\r?\n$/, ''));
  [...chosen]
    .sort((a, b) => b - a)
    .forEach(index => {
      const { start, old, fresh } = hunks[index];
      bodies.splice(start, old.length, ...fresh);
    });
  return bodies.join(eol) + (isEnded && bodies.length > 0 ? eol : '');
}

function permutations(items: number[]): number[][] {
  return items.length === 0
    ? [[]]
    : items.flatMap(item =>
        permutations(items.filter(other => other !== item)).map(rest => [
          item,
          ...rest
        ])
      );
}

const SUBSETS = [[], [0], [1], [2], [0, 1], [0, 2], [1, 2], [0, 1, 2]];

describe('any subset in any order', () => {
  it.each([
    ['a\nb\nc\nd', 'not ended'],
    ['a\nb\nc\nd\n', 'ended'],
    ['a\r\nb\r\nc\r\nd', 'CRLF, not ended'],
    ['a\r\nb\r\nc\r\nd\r\n', 'CRLF']
  ])('gives one text (%j, %s)', text => {
    const make: (() => ILinesHunk[])[] = [
      () => [
        hunk(text, 0, 1, ['A', 'A2']),
        hunk(text, 2, 2, ['new']),
        hunk(text, 3, 4, [])
      ],
      // They touch each other.
      () => [
        hunk(text, 0, 2, []),
        hunk(text, 2, 2, ['x']),
        hunk(text, 2, 4, ['y'])
      ],
      // All lines go, and others come at both ends.
      () => [
        hunk(text, 0, 0, ['first']),
        hunk(text, 0, 4, []),
        hunk(text, 4, 4, ['last'])
      ]
    ];
    for (const hunks of make) {
      for (const subset of SUBSETS) {
        for (const order of permutations(subset)) {
          expect(acceptEach(text, hunks(), order)).toBe(
            expected(text, hunks(), subset)
          );
        }
      }
    }
  });
});

describe('while the person edits', () => {
  const text = 'a\nb\nc\nd\ne';

  it.each([
    ['above', 'new\na\nb\nc\nd\ne', 3],
    ['below', 'a\nb\nc\nd\ne\nf', 2],
    ['right above', 'a\nbb\nc\nd\ne', 2],
    ['right below', 'a\nb\nc\ndd\ne', 2],
    ['by a line put right above', 'a\nb\nx\nc\nd\ne', 3],
    ['by a line removed above', 'b\nc\nd\ne', 1]
  ])('a hunk stays with its lines when text changes %s', (_, now, start) => {
    const one = hunk(text, 2, 3, ['C']);
    const texts = new TextHunks(text, [one]);
    expect(texts.follow(now)).toBe(0);
    expect(one).toMatchObject({ status: 'pending', start });
    texts.accept([one], 1);
    expect(texts.text).toBe(now.replace('c', 'C'));
  });

  it.each([
    ['in it', 'a\nb\ncc\nd\ne'],
    ['across it', 'a\ne'],
    ['joining it with the line above', 'a\nbc\nd\ne']
  ])('a hunk is lost when text changes %s', (_, now) => {
    const one = hunk(text, 2, 3, ['C']);
    const other = hunk(text, 4, 5, ['E']);
    const texts = new TextHunks(text, [one, other]);
    expect(texts.follow(now)).toBe(1);
    expect(one.status).toBe('lost');
    expect(other.status).toBe('pending');
    expect(texts.accept([one], 1)).toEqual([]);
    expect(texts.text).toBe(now);
  });
});

describe('history', () => {
  const text = 'a\nb\nc\nd';

  it('an acceptance that is undone waits again, and redone is accepted', () => {
    const hunks = [hunk(text, 0, 1, ['A', 'A']), hunk(text, 2, 3, [])];
    const texts = new TextHunks(text, hunks);
    texts.accept([hunks[0]], 1);
    texts.accept([hunks[1]], 2);
    expect(texts.text).toBe('A\nA\nb\nd');
    texts.follow('A\nA\nb\nc\nd');
    expect(hunks.map(({ status }) => status)).toEqual(['accepted', 'pending']);
    expect(hunks[1].start).toBe(3);
    texts.follow(text);
    expect(hunks.map(({ status }) => status)).toEqual(['pending', 'pending']);
    expect(hunks[1].start).toBe(2);
    texts.follow('A\nA\nb\nc\nd');
    expect(hunks.map(({ status }) => status)).toEqual(['accepted', 'pending']);
  });

  it('hunks that were accepted together are undone together', () => {
    const hunks = [hunk(text, 0, 1, ['A']), hunk(text, 2, 3, [])];
    const texts = new TextHunks(text, hunks);
    texts.accept(hunks, 1);
    texts.follow(text);
    expect(hunks.map(({ status }) => status)).toEqual(['pending', 'pending']);
  });

  it.each(['a\nb', 'a\r\nb', 'a\nb\r\n'])(
    'is followed where the last line comes or goes (%j)',
    text => {
      const hunks = [hunk(text, 1, 2, []), hunk(text, 2, 2, ['x', 'y'])];
      const texts = new TextHunks(text, hunks);
      texts.accept([hunks[1]], 1);
      const one = texts.text;
      texts.accept([hunks[0]], 2);
      const both = texts.text;
      texts.follow(one);
      texts.follow(text);
      expect(hunks.map(({ status }) => status)).toEqual(['pending', 'pending']);
      texts.follow(one);
      texts.follow(both);
      expect(hunks.map(({ status }) => status)).toEqual([
        'accepted',
        'accepted'
      ]);
    }
  );

  it('what was accepted and then edited does not come back', () => {
    const one = hunk(text, 0, 1, ['A']);
    const texts = new TextHunks(text, [one]);
    texts.accept([one], 1);
    texts.follow('AA\nb\nc\nd');
    texts.follow(text);
    expect(one.status).toBe('accepted');
  });
});

it('a hunk whose lines are not there is refused', () => {
  const one = hunk('a\nb', 1, 2, ['B']);
  const texts = new TextHunks('a\nx', [one]);
  expect(texts.accept([one], 1)).toEqual([]);
  expect(one.status).toBe('lost');
  expect(texts.text).toBe('a\nx');
});
