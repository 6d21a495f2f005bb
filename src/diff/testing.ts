import { StateEffect } from '@codemirror/state';
import type { EditorView } from '@codemirror/view';
import type { CodeMirrorEditor } from '@jupyterlab/codemirror';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { NBTestUtils } from '@jupyterlab/notebook/lib/testutils';
import { nullTranslator } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';
import type { IEditListener, Scope, Wish } from '../client/edits';
import type { IHunk } from '../client/protocol';
import { hunksIn } from '../client/testing';
import type { IFastgenClient } from '../tokens';
import { Desk } from './desk';
import { Editors } from './editors';
import { InstructionHistory } from './history';
import { KeptReviews } from './kept';
import { NotebookPage } from './page';
import { Sessions } from './sessions';

export const trans = nullTranslator.load('');

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

/** What the tab keeps, told when the page goes. */
export function keptReviews(): KeptReviews {
  const kept = new KeptReviews(window.sessionStorage);
  window.addEventListener('pagehide', () => kept.flush());
  return kept;
}

/** A notebook of these cells with a desk, and a server that the test plays. */
export async function setUp(...cells: object[]) {
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
    rules: { whyOff: () => '' },
    documents: { open: () => ({ mirror: { name: 'd1', rev: 1 } }) },
    edits: {
      prepare: (scope: Scope) => prepared.push(scope),
      start: (scope: Scope, wish: Wish, listener: IEditListener) => {
        asked.push({ scope, wish, listener });
        return { cancel: () => end(listener, 'cancelled') };
      }
    }
  } as unknown as IFastgenClient;
  const kept = keptReviews();
  const sessions = new Sessions(client, kept, trans);
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

export function end(listener: IEditListener, reason: 'stop' | 'cancelled') {
  listener.done({ type: 'done', id: 1, reason, why: '', counts: null, by: '' });
}

/** A hunk of the first cell. */
export const wire = hunksIn('c0');

/** The server's whole answer. */
export function answer({ listener }: IAsked, ...hunks: Partial<IHunk>[]) {
  listener.hunks(hunks.map(wire), true);
  end(listener, 'stop');
}

/** Until what is drawn later is drawn. */
export const drawn = () => new Promise(resolve => setTimeout(resolve));

/** Presses a key where the focus is. */
export function key(name: string, options: KeyboardEventInit = {}) {
  document.activeElement!.dispatchEvent(
    new KeyboardEvent('keydown', { key: name, bubbles: true, ...options })
  );
}

/** Asks for an edit of a cell, the first by default, by the prompt box. */
export async function ask(
  { desk, asked, panel }: Awaited<ReturnType<typeof setUp>>,
  cell = 0
): Promise<IAsked> {
  panel.content.activeCellIndex = cell;
  await desk.prompt();
  (document.activeElement as HTMLInputElement).value = 'do it';
  key('Enter');
  return asked[asked.length - 1];
}

export const TWO_LINES = { source: 'one = 1\ntwo = 2' };
