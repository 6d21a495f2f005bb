import { StateEffect } from '@codemirror/state';
import type { EditorView } from '@codemirror/view';
import type { CodeMirrorEditor } from '@jupyterlab/codemirror';
import type { MarkdownCell } from '@jupyterlab/cells';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { NBTestUtils } from '@jupyterlab/notebook/lib/testutils';
import { nullTranslator } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';
import type { IEditListener, Scope, Wish } from '../client/edits';
import type { IAction, IHunk } from '../client/protocol';
import type { IFastgenClient } from '../tokens';
import { Desk } from './desk';
import { Editors } from './editors';
import { InstructionHistory } from './history';
import { NotebookPage } from './page';
import { Sessions } from './sessions';

const trans = nullTranslator.load('');

const FIX: IAction = { name: 'fix', title: 'Fix', caption: '', needs: 'error' };

beforeAll(() => {
  // Cells that are made read themselves before they are part of a document.
  jest.spyOn(console, 'warn').mockImplementation();
  // jsdom has no layout, which editors ask for.
  Range.prototype.getClientRects = () => [] as unknown as DOMRectList;
  Range.prototype.getBoundingClientRect = () => new DOMRect();
  Element.prototype.scrollIntoView = () => {};
  window.DOMRect ??= class {} as typeof DOMRect;
});

let panels: NotebookPanel[] = [];

afterEach(() => {
  panels.forEach(panel => panel.dispose());
  panels = [];
});

interface IAsked {
  readonly scope: Scope;
  readonly wish: Wish;
  readonly listener: IEditListener;
}

/** A notebook of these cells with a desk, and a server that the test plays. */
async function setUp(...cells: object[]) {
  const context = await NBTestUtils.createMockContext();
  context.model.fromJSON({
    cells: cells.map((cell, index) => ({
      id: `c${index}`,
      cell_type: 'code',
      metadata: {},
      outputs: [],
      execution_count: null,
      ...cell
    })) as never[],
    metadata: {},
    nbformat: 4,
    nbformat_minor: 5
  });
  const asked: IAsked[] = [];
  const prepared: Scope[] = [];
  const client = {
    documents: { open: () => ({ mirror: { name: 'd1', rev: 1 } }) },
    edits: {
      prepare: (scope: Scope) => prepared.push(scope),
      start: (scope: Scope, wish: Wish, listener: IEditListener) => {
        asked.push({ scope, wish, listener });
        return { cancel: () => end(listener, 'cancelled') };
      }
    }
  } as unknown as IFastgenClient;
  const sessions = new Sessions(client, trans);
  const said: string[] = [];
  const desks = new Map<NotebookPanel, Desk>();
  const editors = new Editors(
    sessions,
    view =>
      [...desks].find(([panel]) => panel.node.contains(view.dom))![1].actions
  );

  /** One view of the notebook. */
  const open = async () => {
    const panel = NBTestUtils.createNotebookPanel(context);
    panels.push(panel);
    panel.content.model = context.model;
    Widget.attach(panel, document.body);
    const page = new NotebookPage(panel);
    const desk = new Desk({
      widget: panel,
      session: sessions.open(context),
      page,
      history: new InstructionHistory(window.localStorage),
      keysOf: () => '',
      say: sentence => said.push(sentence),
      trans
    });
    desks.set(panel, desk);
    for (const cell of panel.content.widgets) {
      await cell.ready;
      const { editor } = cell.editor as CodeMirrorEditor;
      const extension = editors.extension(cell.model);
      editor.dispatch({ effects: StateEffect.appendConfig.of(extension) });
    }
    const view = (index: number): EditorView =>
      (panel.content.widgets[index].editor as CodeMirrorEditor).editor;
    const find = (selector: string) => [
      ...panel.node.querySelectorAll<HTMLElement>(selector)
    ];
    return { panel, desk, view, find };
  };
  const sources = () =>
    [...context.model.cells].map(cell => cell.sharedModel.getSource());
  return { ...(await open()), open, context, asked, prepared, said, sources };
}

function end(listener: IEditListener, reason: 'stop' | 'cancelled') {
  listener.done({ type: 'done', id: 1, reason, why: '', counts: null });
}

function answer({ listener }: IAsked, ...hunks: Partial<IHunk>[]) {
  const whole = hunks.map(hunk => ({
    cell: 'c0',
    start: 0,
    end: 0,
    new: [],
    kind: 'lines' as const,
    type: 'code' as const,
    after: '',
    label: '',
    reasons: [],
    ...hunk
  }));
  listener.hunks(whole, true);
  end(listener, 'stop');
}

/** Until what is drawn later is drawn. */
const drawn = () => new Promise(resolve => setTimeout(resolve));

function key(name: string, options: KeyboardEventInit = {}) {
  document.activeElement!.dispatchEvent(
    new KeyboardEvent('keydown', { key: name, bubbles: true, ...options })
  );
}

/** Ask for an edit of the first cell by the prompt box. */
async function ask(
  { desk, asked }: Awaited<ReturnType<typeof setUp>>,
  instruction = 'do it'
): Promise<IAsked> {
  await desk.prompt();
  (document.activeElement as HTMLInputElement).value = instruction;
  key('Enter');
  return asked[asked.length - 1];
}

const TWO_LINES = { source: 'one = 1\ntwo = 2' };

describe('the prompt box', () => {
  it('has the focus, keeps it at each key, and gives it back', async () => {
    const { desk, find, view, prepared } = await setUp(TWO_LINES);
    view(0).focus();
    await desk.prompt();
    const input = find('.jp-fastgen-Prompt-input')[0];
    expect(document.activeElement).toBe(input);
    expect(prepared).toEqual([{ doc: 'd1', rev: 1, cells: ['c0'] }]);
    for (const name of ['x', 'Shift', 'Control', 'ArrowUp', 'Tab']) {
      key(name);
      expect(document.activeElement).toBe(input);
    }
    key('Escape');
    expect(find('.jp-fastgen-Prompt')).toEqual([]);
    expect(document.activeElement).toBe(view(0).contentDOM);
  });

  it('leaves the editor to the person while it waits, and goes with the answer', async () => {
    const made = await setUp(TWO_LINES);
    const { find, view } = made;
    const request = await ask(made);
    expect(request.wish.instruction).toBe('do it');
    expect(document.activeElement).toBe(view(0).contentDOM);
    await drawn();
    expect(find('.jp-fastgen-mod-waiting')).toHaveLength(2);
    answer(request, { end: 1, new: ['one = 11'] });
    await drawn();
    expect(find('.jp-fastgen-mod-waiting')).toEqual([]);
    expect(find('.jp-fastgen-Prompt')).toEqual([]);
    expect(find('.jp-fastgen-Hunk')).toHaveLength(1);
  });

  it('stays when nothing came, and says why', async () => {
    const made = await setUp(TWO_LINES);
    const { listener } = await ask(made);
    listener.done({
      type: 'done',
      id: 1,
      reason: 'empty',
      why: 'Nothing to do.',
      counts: null
    });
    const status = made.find('.jp-fastgen-Prompt-status')[0];
    expect(status.textContent).toBe('Nothing to do.');
  });
});

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

it('what waits is there when the document is opened again', async () => {
  const made = await setUp(TWO_LINES);
  answer(await ask(made), { end: 1, new: ['one = 11'] });
  const { context } = made;
  const again = await NBTestUtils.createMockContext();
  again.model.fromJSON(context.model.toJSON() as never);
  const sessions = new Sessions({} as IFastgenClient, trans);
  const first = sessions.open(context);
  first.review.resume(made.desk.session.review.save()!);
  context.dispose();
  Object.defineProperty(again, 'path', { value: context.path });
  const { review } = sessions.open(again);
  review.accept(review.pending);
  expect(again.model.cells.get(0).sharedModel.getSource()).toBe(
    'one = 11\ntwo = 2'
  );
});

it('a rendered cell shows its source while changes of it wait', async () => {
  const made = await setUp({ cell_type: 'markdown', source: '# One' });
  const cell = made.panel.content.widgets[0] as MarkdownCell;
  cell.rendered = true;
  answer(await ask(made), { end: 1, new: ['# Two'] });
  expect(cell.rendered).toBe(false);
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
