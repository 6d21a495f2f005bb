import { YFile } from '@jupyter/ydoc';
import { ONLY_CELL } from '../client/documents';
import type { IHunk } from '../client/protocol';
import { hunksIn } from '../client/testing';
import { Review } from './review';
import { FileTarget, ISharedText } from './target';

const wire = hunksIn(ONLY_CELL);

/** A file of this text in which these hunks were accepted. */
function acceptOne(source: string, ...hunks: Partial<IHunk>[]) {
  const file = new YFile();
  file.setSource(source);
  file.clearUndoHistory();
  const review = new Review(new FileTarget(file as unknown as ISharedText));
  review.begin([ONLY_CELL]);
  review.receive(hunks.map(wire), true);
  review.end();
  review.accept(review.pending);
  return { file, review };
}

describe('a text', () => {
  // What `replaced` of jupyter_fastgen/edit/lines.py makes of them.
  it.each([
    ['empty', '', { end: 1, new: ['a', 'b'] }, 'a\nb'],
    ['empty, without its blank line', '', { new: ['a', 'b'] }, 'a\nb'],
    ['of one empty line', '\n', { end: 1, new: ['a', 'b'] }, 'a\nb\n'],
    [
      'at whose end, not ended, lines come',
      'a',
      { start: 1, end: 1, new: ['b'] },
      'a\nb'
    ],
    [
      'at whose end lines come',
      'a\n',
      { start: 1, end: 1, new: ['b'] },
      'a\nb\n'
    ],
    [
      'with a byte order mark',
      '\ufeffa\nb\n',
      { end: 1, new: ['A'] },
      '\ufeffA\nb\n'
    ],
    [
      'with a mark, all of which goes',
      '\ufeffa',
      { end: 1, new: [] },
      '\ufeff'
    ],
    [
      'with a mark, at whose top lines come',
      '\ufeffa',
      { new: ['x'] },
      '\ufeffx\na'
    ],
    ['of a mark alone', '\ufeff', { end: 1, new: ['a'] }, '\ufeffa']
  ])('%s gets exactly the new lines, and back', (_, source, hunk, expected) => {
    const { file, review } = acceptOne(source, hunk);
    expect(file.getSource()).toBe(expected);
    expect(review.pending).toHaveLength(0);
    file.undo();
    expect(file.getSource()).toBe(source);
    expect(review.pending).toHaveLength(1);
    expect(review.lost).toBe(0);
    file.redo();
    expect(review.pending).toHaveLength(0);
    file.dispose();
  });

  it('gets no hidden characters but those it has', () => {
    const [kept, added] = ['s = "\u202eown"', 't = "\u202enew"'];
    const { file } = acceptOne(`${kept}\nb\n`, { end: 2, new: [added, kept] });
    expect(file.getSource()).toBe(`t = "new"\n${kept}\n`);
    file.dispose();
  });
});

it('a file is changed line by line, with its ends as they are', () => {
  const file = new YFile();
  file.setSource('a\r\nb\nc\r\n');
  const review = new Review(new FileTarget(file as unknown as ISharedText));
  review.begin([ONLY_CELL]);
  review.receive(
    [
      wire({ start: 1, end: 2, new: ['B', 'B'] }),
      wire({ start: 3, end: 3, new: ['d'] })
    ],
    true
  );
  review.accept(review.pending);
  expect(file.getSource()).toBe('a\r\nB\nB\nc\r\nd\r\n');
  file.undo();
  expect(file.getSource()).toBe('a\r\nb\nc\r\n');
  expect(review.pending).toHaveLength(2);
  file.dispose();
});

it('a file gets at its end what a notebook gets as a cell', () => {
  const file = new YFile();
  file.setSource('a\nb\n');
  const review = new Review(new FileTarget(file as unknown as ISharedText));
  review.begin([ONLY_CELL]);
  review.receive([wire({ kind: 'insert', new: ['assert a'] })], true);
  review.accept(review.pending);
  expect(file.getSource()).toBe('a\nb\n\nassert a\n');
  file.dispose();
});
