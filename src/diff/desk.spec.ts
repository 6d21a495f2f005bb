import { MarkdownCell } from '@jupyterlab/cells';
import type { Context } from '@jupyterlab/docregistry';
import { INotebookModel, NotebookActions } from '@jupyterlab/notebook';
import { NBTestUtils } from '@jupyterlab/notebook/lib/testutils';
import type { Signal } from '@lumino/signaling';
import type { IAction } from '../client/protocol';
import type { IFastgenClient } from '../tokens';
import { NotebookPage } from './page';
import { Sessions } from './sessions';
import {
  answer,
  ask,
  drawn,
  keptReviews,
  key,
  setUp,
  trans,
  TWO_LINES,
  wire
} from './testing';

const FIX: IAction = { name: 'fix', title: 'Fix', caption: '', needs: 'error' };

describe('deciding', () => {
  it('by buttons goes on to the next, across cells, and ends in the editor', async () => {
    const made = await setUp(TWO_LINES, { source: 'three = 3' });
    const { desk, find, view, sources, panel } = made;
    answer(
      await ask(made),
      { start: 1, end: 2, new: ['two = 22'] },
      { kind: 'insert', new: ['between = 0'] }
    );
    await desk.go(1);
    await desk.go(1);
    const focused = () => document.activeElement as HTMLElement;
    expect(focused().getAttribute('aria-label')).toMatch(
      /^Accept. Change 1 of 2/
    );
    for (const name of ['Shift', 'x', 'Tab']) {
      key(name);
      expect(focused().dataset.action).toBe('accept');
    }
    focused().click();
    await drawn();
    await drawn();
    expect(sources()).toEqual(['one = 1\ntwo = 22', 'three = 3']);
    expect(focused().getAttribute('aria-label')).toMatch(
      /^Accept. Change 1 of 1: a new cell/
    );
    focused().click();
    await drawn();
    await drawn();
    expect(sources()[1]).toBe('between = 0');
    expect(find('.jp-fastgen-CellHunk')).toEqual([]);
    expect(document.activeElement).toBe(view(0).contentDOM);
    expect(panel.hasClass('jp-fastgen-mod-reviewing')).toBe(false);
  });

  it('by key leaves the focus to who types', async () => {
    const made = await setUp(TWO_LINES);
    const { desk, view, said } = made;
    answer(
      await ask(made),
      { end: 1, new: ['one = 11'] },
      { start: 1, end: 2, new: ['two = 22'] }
    );
    await desk.decide(null, true);
    expect(document.activeElement).toBe(view(0).contentDOM);
    expect(said.pop()).toBe(
      'Accepted: 1 line removed, 1 line added. Change 1 of 1, line 2: 1 line removed, 1 line added'
    );
  });

  it('by key is about the cell where the person stands; elsewhere the first press shows', async () => {
    const cells = ['a', 'b', 'c', 'd'].map(source => ({ source }));
    const made = await setUp(...cells);
    const { desk, panel, sources } = made;
    for (const [index, text] of ['A', 'B', 'C'].entries()) {
      const cell = `c${index}`;
      answer(await ask(made, index), { cell, end: 1, new: [text] });
    }
    await desk.go(-1);
    panel.content.activeCellIndex = 1;
    await desk.decide(null, true);
    expect(sources()).toEqual(['a', 'B', 'c', 'd']);
    panel.content.activeCellIndex = 3;
    await desk.decide(null, true);
    expect(sources()).toEqual(['a', 'B', 'c', 'd']);
    expect(panel.content.activeCellIndex).toBe(2);
    await desk.decide(null, true);
    expect(sources()).toEqual(['a', 'B', 'C', 'd']);
  });

  it('on all leaves what needs a look', async () => {
    const made = await setUp(TWO_LINES);
    answer(
      await ask(made),
      { end: 1, new: ['one = 11'] },
      { start: 1, end: 2, new: ['two = 22'], reasons: ['Odd.'] }
    );
    const [button] = made.find('.jp-fastgen-Bar [data-action="accept-all"]');
    expect(button.textContent).toBe('Accept 1 of 2');
    await made.desk.acceptAll();
    expect(made.sources()).toEqual(['one = 11\ntwo = 2']);
    await made.desk.rejectAll();
    expect(made.find('.jp-fastgen-Hunk')).toEqual([]);
    expect(made.sources()).toEqual(['one = 11\ntwo = 2']);
  });
});

it('what is still being written is not turned down', async () => {
  const made = await setUp(TWO_LINES);
  const { listener } = await ask(made);
  listener.hunks([wire({ end: 1, new: ['one = 11'] })], false);
  await made.desk.rejectAll();
  expect(made.desk.session.review.pending).toHaveLength(1);
});

it('the focus is in the editor again when the bar goes', async () => {
  const made = await setUp(TWO_LINES);
  answer(await ask(made), { end: 1, new: ['one = 11'] });
  const [close] = made.find('.jp-fastgen-Bar [data-action="close"]');
  close.focus();
  close.click();
  expect(document.activeElement).toBe(made.view(0).contentDOM);
});

it('a collapsed section opens for its hunks', async () => {
  const heading = { cell_type: 'markdown', source: '# One' };
  // What finds headings is a part of the application.
  const info = jest.spyOn(MarkdownCell.prototype, 'headingInfo', 'get');
  info.mockReturnValue({ text: 'One', level: 1 });
  const made = await setUp(heading, TWO_LINES);
  answer(await ask(made, 1), { cell: 'c1', end: 1, new: ['one = 11'] });
  const { content } = made.panel;
  const [first, second] = content.widgets;
  NotebookActions.setHeadingCollapse(first, true, content);
  expect(second.isHidden).toBe(true);
  await made.desk.go(1);
  expect(second.isHidden).toBe(false);
  info.mockRestore();
});

it('two views show one review', async () => {
  const made = await setUp(TWO_LINES);
  const other = await made.open();
  answer(await ask(made), { end: 1, new: ['one = 11'] });
  await drawn();
  expect(other.find('.jp-fastgen-Hunk')).toHaveLength(1);
  other.find('.jp-fastgen-Hunk [data-action="accept"]')[0].click();
  await drawn();
  expect(made.find('.jp-fastgen-Hunk')).toEqual([]);
  expect(made.sources()).toEqual(['one = 11\ntwo = 2']);
});

describe('what waits', () => {
  /** The review of the same document in a page that is loaded anew. */
  async function reloaded(context: Context<INotebookModel>, path: string) {
    const again = await NBTestUtils.createMockContext();
    again.model.fromJSON(context.model.toJSON() as never);
    Object.defineProperty(again, 'path', { value: path });
    window.dispatchEvent(new Event('pagehide'));
    const kept = keptReviews();
    const sessions = new Sessions({} as IFastgenClient, kept, trans);
    const sources = () =>
      [...again.model.cells].map(cell => cell.sharedModel.getSource());
    return { review: sessions.open(again).review, sources };
  }

  it('is there again until it is decided upon', async () => {
    const made = await setUp(TWO_LINES);
    const { context } = made;
    answer(
      await ask(made),
      { end: 1, new: ['one = 11'] },
      { start: 1, end: 2, new: ['two = 22'] }
    );
    await made.desk.decide(null, false);
    const { review, sources } = await reloaded(context, context.path);
    expect(review.pending).toHaveLength(1);
    review.accept(review.pending);
    expect(sources()).toEqual(['one = 1\ntwo = 22']);
    const later = await reloaded(context, context.path);
    expect(later.review.pending).toEqual([]);
    expect(later.review.lost).toBe(0);
  });

  it('is gone, with a word, where the cells are others now', async () => {
    const made = await setUp(TWO_LINES);
    answer(await ask(made), { end: 1, new: ['one = 11'] });
    const { path } = made.context;
    const other = await setUp({ id: 'other', source: 'x' });
    const { review } = await reloaded(other.context, path);
    expect(review.pending).toEqual([]);
    expect(review.lost).toBe(1);
    const later = await reloaded(other.context, path);
    expect(later.review.lost).toBe(0);
  });

  it('is not what is still being written', async () => {
    const made = await setUp(TWO_LINES);
    const { listener } = await ask(made);
    listener.hunks([wire({ end: 1, new: ['one = 11'] })], false);
    const { context } = made;
    const { review } = await reloaded(context, context.path);
    expect(review.pending).toEqual([]);
  });

  it('goes along when the document gets another name', async () => {
    const made = await setUp(TWO_LINES);
    const { context } = made;
    const { path } = context;
    answer(await ask(made), { end: 1, new: ['one = 11'] });
    Object.defineProperty(context, 'path', { value: 'renamed.ipynb' });
    (context.pathChanged as Signal<object, string>).emit('renamed.ipynb');
    const { review } = await reloaded(context, path);
    expect(review.pending).toEqual([]);
    const renamed = await reloaded(context, 'renamed.ipynb');
    expect(renamed.review.pending).toHaveLength(1);
  });
});

it('a cell that moves says where to, also to who does not see it', async () => {
  const long = `x = ${'1 + '.repeat(20)}1`;
  const sources = ['\n  import math\n', long, '', 'last = 1'];
  const made = await setUp(...sources.map(source => ({ source })));
  const move = (cell: string, after: string) =>
    ({ cell, kind: 'move', after }) as const;
  answer(await ask(made), move('c1', 'c0'), move('c2', 'c1'), move('c3', 'c2'));
  const shown = made.find('.jp-fastgen-CellHunk');
  expect(shown.map(node => node.textContent)).toEqual([
    expect.stringMatching(/this cell moves below “import math”$/),
    expect.stringMatching(/this cell moves below “x = 1 \+ [1 +]{50,52}…”$/),
    expect.stringMatching(/this cell moves below an empty cell$/)
  ]);
  const group = shown[0].querySelector('[role="group"]')!;
  expect(group.getAttribute('aria-label')).toBe(
    'Change 1 of 3: this cell moves below “import math”'
  );
});

it('a rendered cell shows its source while changes of it wait', async () => {
  const made = await setUp({ cell_type: 'markdown', source: '# One' });
  const cell = made.panel.content.widgets[0] as MarkdownCell;
  cell.rendered = true;
  answer(await ask(made), { end: 1, new: ['# Two'] });
  expect(cell.rendered).toBe(false);
});

it('other parts ask for an edit of a cell, and compare it with a text', async () => {
  const made = await setUp({ source: 'zero = 0' }, TWO_LINES);
  const { desk, asked, panel, sources } = made;
  panel.content.activeCellIndex = 0;
  const wish = { instruction: 'bigger', action: 'fix', error: 'E' };
  desk.edit('c1', wish, 'Fix Error');
  expect(asked[0].scope.cells).toEqual(['c1']);
  expect(asked[0].wish).toEqual(wish);
  await desk.compare('c1', 'one = 1\ntwo = 22');
  expect(document.activeElement!.getAttribute('aria-label')).toMatch(
    /^Accept. Change 1 of 1, line 2/
  );
  (document.activeElement as HTMLElement).click();
  expect(sources()).toEqual(['zero = 0', 'one = 1\ntwo = 22']);
});

it('an error is mended in the cell that caused it', async () => {
  const traceback = [
    'ZeroDivisionError',
    'Cell In[2], line 1',
    'Cell In[1], line 2, in half(x)'
  ];
  const output = { output_type: 'error', ename: 'E', evalue: '', traceback };
  const made = await setUp(
    { source: 'def half(x):\n    return x / 0', execution_count: 1 },
    { source: 'half(4)', execution_count: 2, outputs: [output] }
  );
  const { desk, panel, asked } = made;
  panel.content.activeCellIndex = 0;
  expect(desk.failure).toBeNull();
  panel.content.activeCellIndex = 1;
  desk.act(FIX);
  expect(asked[0].scope.cells).toEqual(['c0']);
  expect(asked[0].wish).toMatchObject({
    action: 'fix',
    error: traceback.join('\n')
  });
  answer(asked[0], { start: 1, end: 2, new: ['    return x / 2'] });
  const run = jest.fn().mockResolvedValue(true);
  jest.spyOn(NotebookPage.prototype, 'run').mockImplementation(run);
  await desk.acceptAndRun();
  expect(run).toHaveBeenCalledWith(['c0', 'c1']);
});

it('only what is accepted now runs', async () => {
  const made = await setUp(TWO_LINES, { source: 'three = 3' });
  const { desk, context } = made;
  const run = jest.fn().mockResolvedValue(true);
  jest.spyOn(NotebookPage.prototype, 'run').mockImplementation(run);
  answer(await ask(made), { end: 1, new: ['one = 11'] });
  await desk.decide(null, true);
  answer(await ask(made, 1), {
    cell: 'c1',
    end: 1,
    new: ['three = 33'],
    reasons: ['Odd.']
  });
  await desk.acceptAndRun();
  expect(run).not.toHaveBeenCalled();
  const insert = { cell: 'c1', kind: 'insert' as const, new: ['four = 4'] };
  answer(await ask(made, 1), insert);
  await desk.acceptAndRun();
  const made4 = context.model.cells.get(2).id;
  expect(run).toHaveBeenCalledWith([made4]);
});
