import type { EditorView } from '@codemirror/view';
import type { Cell, MarkdownCell } from '@jupyterlab/cells';
import type { CodeEditor } from '@jupyterlab/codeeditor';
import type { CodeMirrorEditor } from '@jupyterlab/codemirror';
import type { DocumentWidget } from '@jupyterlab/docregistry';
import { NotebookActions, NotebookPanel } from '@jupyterlab/notebook';
import { ONLY_CELL } from '../client/documents';
import type { IStand } from './scope';

/** One view of a document, as its edits see it. */
export interface IPage {
  /** Where the person stands; `null` if there is nothing to be edited. */
  readonly stand: IStand | null;
  /** The cells by id, for what is drawn on them; `null` without cells. */
  readonly notebook: NotebookPanel | null;
  /** Makes a cell the active one and gives its editor, once there is one. */
  reveal(id: string): Promise<EditorView | null>;
  /** Shows the source of a cell that shows something else. */
  unfold(id: string): void;
  /** Gives the focus back to where the person stands. */
  focus(): void;
  /** Runs cells, in this order. */
  run(ids: readonly string[]): Promise<unknown>;
}

/** A view of a notebook. */
export class NotebookPage implements IPage {
  constructor(readonly notebook: NotebookPanel) {}

  get stand(): IStand | null {
    const { widgets, activeCell } = this.notebook.content;
    const { content } = this.notebook;
    if (!activeCell || !content.model || content.model.readOnly) {
      return null;
    }
    const isFree = (cell: Cell) => cell.model.getMetadata('editable') !== false;
    const ids = (cells: readonly Cell[]) => cells.map(({ model }) => model.id);
    const { mode } = content;
    return isFree(activeCell)
      ? {
          ids: ids(widgets.filter(isFree)),
          active: activeCell.model.id,
          selected: ids(
            widgets.filter(
              cell => isFree(cell) && content.isSelectedOrActive(cell)
            )
          ),
          lines: mode === 'edit' ? selectedLines(viewOf(activeCell)) : null
        }
      : null;
  }

  async reveal(id: string): Promise<EditorView | null> {
    const { content } = this.notebook;
    const index = content.widgets.findIndex(({ model }) => model.id === id);
    const cell = content.widgets[index];
    if (!cell) {
      return null;
    }
    NotebookActions.expandParent(cell, content);
    // In edit mode it would give the focus to an editor, some time later.
    content.mode = 'command';
    content.activeCellIndex = index;
    this.unfold(id);
    if (!cell.editor || !cell.isAttached) {
      // Its promise is rejected when something else scrolls meanwhile.
      await content.scrollToItem(index).catch(() => undefined);
      await cell.ready;
    }
    return viewOf(cell);
  }

  unfold(id: string): void {
    const cell = this._cell(id);
    if (cell?.model.type === 'markdown') {
      (cell as MarkdownCell).rendered = false;
    }
    if (cell?.inputHidden) {
      cell.inputHidden = false;
    }
  }

  focus(): void {
    const { content } = this.notebook;
    const cell = content.activeCell as MarkdownCell | null;
    const view = cell && !cell.rendered && !cell.inputHidden && viewOf(cell);
    if (view) {
      view.focus();
    } else {
      content.activate();
    }
  }

  run(ids: readonly string[]): Promise<unknown> {
    const { content, sessionContext } = this.notebook;
    const cells = content.widgets.filter(({ model }) => ids.includes(model.id));
    return NotebookActions.runCells(content, cells, sessionContext);
  }

  private _cell(id: string): Cell | undefined {
    return this.notebook.content.widgets.find(({ model }) => model.id === id);
  }
}

/** A view of a text file. */
export class FilePage implements IPage {
  constructor(private readonly widget: DocumentWidget) {}

  readonly notebook = null;

  get stand(): IStand | null {
    const view = this._view();
    return view && !this.widget.context.model.readOnly
      ? {
          ids: [ONLY_CELL],
          active: ONLY_CELL,
          selected: [ONLY_CELL],
          lines: selectedLines(view)
        }
      : null;
  }

  async reveal(): Promise<EditorView | null> {
    return this._view();
  }

  /** A file always shows its source. */
  unfold(): void {}

  focus(): void {
    this._view()?.focus();
  }

  /** A file has no kernel of its own. */
  async run(): Promise<void> {}

  private _view(): EditorView | null {
    const { editor } = this.widget.content as {
      readonly editor?: CodeEditor.IEditor;
    };
    return (editor as CodeMirrorEditor | undefined)?.editor ?? null;
  }
}

function viewOf(cell: Cell): EditorView | null {
  return (cell.editor as CodeMirrorEditor | null)?.editor ?? null;
}

/** The lines [start, end) with selected text; one that is only touched at its start is none. */
function selectedLines(view: EditorView | null): IStand['lines'] {
  const { main } = view?.state.selection ?? {};
  if (!view || !main || main.empty) {
    return null;
  }
  const { doc } = view.state;
  const last = doc.lineAt(main.to);
  const end = last.from === main.to ? last.number - 1 : last.number;
  return [doc.lineAt(main.from).number - 1, end];
}
