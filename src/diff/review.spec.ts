import { YNotebook } from '@jupyter/ydoc';
import type { IHunk } from '../client/protocol';
import { hunksIn } from '../client/testing';
import type { ILinesHunk } from './hunk';
import { Review } from './review';
import { NotebookTarget } from './target';

const TEXT = 'a\nb\nc\nd\ne';

const wire = hunksIn('one');

// Cells that are made read themselves before they are part of a document.
beforeAll(() => jest.spyOn(console, 'warn').mockImplementation());

/** A notebook of the cells `one`, `two` and `three`; as by default, each cell has its history. */
function makeNotebook(disableDocumentWideUndoRedo = true) {
  const notebook = YNotebook.create({
    disableDocumentWideUndoRedo,
    data: {
      cells: ['one', 'two', 'three'].map(id => ({
        id,
        cell_type: 'code' as const,
        source: TEXT,
        metadata: {},
        outputs: [],
        execution_count: null
      })),
      metadata: {},
      nbformat: 4,
      nbformat_minor: 5
    }
  });
  notebook.cells.forEach(cell => cell.clearUndoHistory());
  notebook.clearUndoHistory();
  const review = new Review(new NotebookTarget(notebook as never));
  const sources = () => notebook.cells.map(cell => cell.getSource());
  const ids = () => notebook.cells.map(cell => cell.getId());
  return { notebook, review, sources, ids };
}

/** A review in which these hunks wait. */
function receive(review: Review, ...hunks: Partial<IHunk>[]) {
  review.begin(['one', 'two', 'three']);
  review.receive(hunks.map(wire), true);
  review.end();
}

describe('a cell', () => {
  it('is untouched until a hunk is accepted, which is one step in its history', () => {
    const { notebook, review, sources } = makeNotebook();
    const [cell] = notebook.cells;
    cell.updateSource(0, 0, '# typed\n');
    receive(
      review,
      { start: 1, end: 2, new: ['A'] },
      { start: 3, end: 5, new: ['D', 'E', 'F'] }
    );
    expect(sources()[0]).toBe(`# typed\n${TEXT}`);
    review.accept([review.pending[1]]);
    expect(sources()[0]).toBe('# typed\na\nb\nD\nE\nF\ne');
    cell.updateSource(sources()[0].length, sources()[0].length, '\nmore');
    cell.undo();
    expect(sources()[0]).toBe('# typed\na\nb\nD\nE\nF\ne');
    cell.undo();
    expect(sources()[0]).toBe(`# typed\n${TEXT}`);
    expect(review.pending).toHaveLength(2);
    cell.undo();
    expect(sources()[0]).toBe(TEXT);
    expect(review.pending).toHaveLength(2);
    cell.redo();
    cell.redo();
    expect(review.pending).toHaveLength(1);
  });

  it('keeps old lines where that is the other reading, and waits again once undone', () => {
    const { notebook, review, sources } = makeNotebook();
    const other = ['B', 'b', 'c'];
    receive(review, { start: 1, end: 3, new: ['B'], reasons: ['?'], other });
    const [hunk] = review.pending;
    review.accept([review.keeping(hunk as ILinesHunk)]);
    expect(sources()[0]).toBe('a\nB\nb\nc\nd\ne');
    expect(review.pending).toHaveLength(0);
    notebook.cells[0].undo();
    expect(sources()[0]).toBe(TEXT);
    expect(review.pending).toHaveLength(1);
  });

  it('takes an answer for the text that was sent, through all that was typed since', () => {
    const { notebook, review, sources } = makeNotebook();
    const [cell] = notebook.cells;
    review.begin(['one']);
    cell.setSource('new\na\nb\nchanged\nd\ne');
    review.receive(
      [
        wire({ start: 0, end: 1, new: ['A'] }),
        wire({ start: 2, end: 3, new: ['C'] }),
        wire({ start: 4, end: 5, new: ['E'] })
      ],
      true
    );
    expect(review.lost).toBe(1);
    review.accept(review.pending);
    expect(sources()[0]).toBe('new\nA\nb\nchanged\nd\nE');
  });

  it('holds hunks that are not certain, which cannot be accepted and go with a lost edit', () => {
    const { review, sources } = makeNotebook();
    review.begin(['one']);
    review.receive([wire({ end: 1, new: ['A'] })], false);
    expect(review.pending).toHaveLength(1);
    review.accept(review.pending);
    expect(sources()[0]).toBe(TEXT);
    review.end();
    expect(review.pending).toHaveLength(0);
  });

  it('keeps its hunks when it moves, is deleted and comes back, or gets another type', () => {
    const { notebook, review, sources, ids } = makeNotebook();
    receive(review, { start: 2, end: 3, new: ['C'] });
    notebook.moveCell(0, 2);
    expect(review.pending).toHaveLength(1);
    const data = notebook.cells[2].toJSON();
    notebook.undoManager.stopCapturing();
    notebook.transact(() => {
      notebook.deleteCell(2);
      notebook.insertCell(2, { ...data, cell_type: 'markdown' } as never);
    });
    expect(review.pending).toHaveLength(1);
    notebook.undoManager.stopCapturing();
    notebook.deleteCell(2);
    expect(review.pending).toHaveLength(0);
    notebook.undo();
    expect(ids()).toEqual(['two', 'three', 'one']);
    review.accept(review.pending);
    expect(sources()[2]).toBe('a\nb\nC\nd\ne');
  });
});

describe('several cells', () => {
  it('are one step where the notebook has one history', () => {
    const { notebook, review, sources } = makeNotebook(false);
    receive(
      review,
      { end: 1, new: ['A'] },
      { cell: 'two', start: 1, end: 2, new: [] }
    );
    review.accept(review.pending);
    expect(sources()).toEqual(['A\nb\nc\nd\ne', 'a\nc\nd\ne', TEXT]);
    // As by key in the editor of one of them.
    notebook.cells[1].undo();
    expect(sources()).toEqual([TEXT, TEXT, TEXT]);
    expect(review.pending).toHaveLength(2);
  });

  it('are a step each where each cell has its own', () => {
    const { notebook, review, sources } = makeNotebook();
    receive(
      review,
      { end: 1, new: ['A'] },
      { cell: 'two', end: 1, new: ['A'] }
    );
    review.accept(review.pending);
    notebook.cells[1].undo();
    expect(sources()).toEqual(['A\nb\nc\nd\ne', TEXT, TEXT]);
    expect(review.pending).toHaveLength(1);
  });

  it('come in the order of the document, and the next hunk becomes current', () => {
    const { review } = makeNotebook();
    receive(
      review,
      { cell: 'three', end: 1, new: ['3'] },
      { cell: 'one', end: 1, new: ['1'] },
      { cell: 'one', kind: 'insert', new: ['x'] },
      { cell: 'two', kind: 'remove' }
    );
    const order = review.pending.map(({ cell, kind }) => `${kind} ${cell}`);
    expect(order).toEqual([
      'lines one',
      'insert one',
      'remove two',
      'lines three'
    ]);
    const [first, second, third] = review.pending;
    review.current = first;
    review.accept([first]);
    expect(review.current).toBe(second);
    review.reject([second]);
    expect(review.current).toBe(third);
  });
});

it('a cell that was empty and is not any more keeps what the person wrote', () => {
  const { notebook, review, sources } = makeNotebook();
  notebook.cells[0].setSource('');
  review.begin(['one']);
  notebook.cells[0].setSource('mine');
  review.receive([wire({ end: 1, new: ['x'] })], true);
  review.accept(review.pending);
  expect(review.lost).toBe(1);
  expect(sources()[0]).toBe('mine');
});

it('cells that are not to be changed or removed stay as they are', () => {
  const { notebook, review, sources } = makeNotebook();
  notebook.cells[0].setMetadata('editable', false);
  notebook.cells[1].setMetadata('deletable', false);
  receive(
    review,
    { end: 1, new: ['A'] },
    { cell: 'two', kind: 'remove' },
    { cell: 'three', end: 1, new: ['A'] }
  );
  const [edit, removal] = review.pending;
  review.accept(review.pending);
  expect(sources()).toEqual([TEXT, TEXT, 'A\nb\nc\nd\ne']);
  expect([edit.status, removal.status]).toEqual(['lost', 'lost']);
  expect(review.lost).toBe(2);
});

describe('whole cells', () => {
  it('that were accepted are done, whatever the person does to them but undo', () => {
    const { notebook, review } = makeNotebook();
    receive(
      review,
      { cell: 'one', kind: 'move', after: 'two' },
      { cell: 'three', kind: 'insert', new: ['x'] }
    );
    review.accept(review.pending);
    notebook.undo();
    expect(review.pending).toHaveLength(2);
    notebook.redo();
    expect(review.pending).toHaveLength(0);
    notebook.moveCell(0, 3);
    notebook.deleteCell(2);
    notebook.deleteCell(0);
    expect(review.pending).toHaveLength(0);
    expect(review.lost).toBe(0);
  });

  it('come in the order of the answer, in whatever order they are accepted', () => {
    const { notebook, review, sources } = makeNotebook();
    receive(
      review,
      { kind: 'insert', new: ['x', 'y'] },
      { kind: 'insert', new: ['z'], type: 'markdown' },
      { cell: '', kind: 'insert', new: ['top'] }
    );
    const [top, first, second] = review.pending;
    review.accept([second]);
    review.accept([first]);
    review.accept([top]);
    expect(sources()).toEqual(['top', TEXT, 'x\ny', 'z', TEXT, TEXT]);
    expect(notebook.cells[3].cell_type).toBe('markdown');
    notebook.undo();
    expect(sources()).toEqual([TEXT, 'x\ny', 'z', TEXT, TEXT]);
    expect(review.pending).toEqual([top]);
  });

  it('go and move in one step each, and come back', () => {
    const { notebook, review, ids } = makeNotebook();
    receive(
      review,
      { cell: 'one', kind: 'move', after: 'three' },
      { cell: 'two', kind: 'remove' }
    );
    review.accept(review.pending);
    expect(ids()).toEqual(['three', 'one']);
    expect(review.pending).toHaveLength(0);
    notebook.undo();
    expect(ids()).toEqual(['one', 'two', 'three']);
    expect(review.pending).toHaveLength(2);
  });

  it('do not go when the person wrote into them', () => {
    const { notebook, review, ids } = makeNotebook();
    receive(review, { cell: 'two', kind: 'remove' });
    const [hunk] = review.pending;
    notebook.cells[1].updateSource(0, 1, 'z');
    expect(review.lost).toBe(1);
    review.accept([hunk]);
    expect(ids()).toEqual(['one', 'two', 'three']);
  });
});

describe('a document that is closed and opened again', () => {
  it('has the hunks whose text is still there', () => {
    const before = makeNotebook();
    receive(
      before.review,
      { start: 1, end: 2, new: ['B'] },
      { cell: 'two', start: 1, end: 2, new: ['B'] },
      { cell: 'three', kind: 'insert', new: ['x'] }
    );
    before.review.accept([before.review.pending[0]]);
    const saved = before.review.save()!;

    // Nothing was saved, and somebody else wrote into the second cell.
    const after = makeNotebook();
    after.notebook.cells[1].setSource('a\nother\nc');
    after.review.resume(saved);
    expect(after.review.lost).toBe(1);
    after.review.accept(after.review.pending);
    expect(after.sources()).toEqual([
      'a\nB\nc\nd\ne',
      'a\nother\nc',
      TEXT,
      'x'
    ]);
  });

  it('finds cells of older notebooks, whose ids are new, by their text', () => {
    const before = makeNotebook();
    before.notebook.cells[1].setSource('only here\nb');
    receive(before.review, { cell: 'two', start: 1, end: 2, new: ['B'] });
    const after = makeNotebook();
    after.notebook.deleteCellRange(0, 3);
    after.notebook.insertCells(0, [
      { cell_type: 'code', source: TEXT } as never,
      { cell_type: 'code', source: 'only here\nb' } as never
    ]);
    after.review.resume(before.review.save()!);
    after.review.accept(after.review.pending);
    expect(after.sources()).toEqual([TEXT, 'only here\nB']);
  });
});

it('two cells of one text, opened again with new ids, keep a review each', () => {
  const before = makeNotebook();
  receive(
    before.review,
    { end: 1, new: ['A'] },
    { cell: 'two', start: 4, end: 5, new: ['E'] }
  );
  const after = makeNotebook();
  after.notebook.deleteCellRange(0, 3);
  after.notebook.insertCells(
    0,
    [TEXT, TEXT].map(source => ({ cell_type: 'code', source }) as never)
  );
  after.review.resume(before.review.save()!);
  after.review.accept(after.review.pending);
  expect(after.sources()).toEqual(['A\nb\nc\nd\ne', 'a\nb\nc\nd\nE']);
});
