import { EditorState } from '@codemirror/state';
import type { EditorView } from '@codemirror/view';
import type { Cell } from '@jupyterlab/cells';
import type { CodeMirrorEditor } from '@jupyterlab/codemirror';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { hunkControls, IHunkActions, updateControls } from './controls';
import { highlightLines, linesOf } from './highlight';
import type { Hunk, ICellHunk } from './hunk';
import type { Session } from './session';

/** On a cell that a hunk removes. */
const REMOVED_CLASS = 'jp-fastgen-mod-removedCell';

/** Shows, in one view of a notebook, the hunks that are about whole cells. */
export class CellMarks {
  constructor(
    private readonly panel: NotebookPanel,
    private readonly session: Session,
    private readonly actions: IHunkActions
  ) {
    session.changed.connect(this._draw, this);
    // A cell that is made anew has lost what was drawn on it.
    panel.content.modelContentChanged.connect(this._draw, this);
    panel.disposed.connect(() => session.changed.disconnect(this._draw, this));
    this._draw();
  }

  /** The node of a hunk, `null` if it is not shown. */
  nodeOf(hunk: Hunk): HTMLElement | null {
    return this._nodes.get(hunk) ?? null;
  }

  private _draw(): void {
    const { pending, current } = this.session.review;
    const shown = pending.filter(
      (hunk): hunk is ICellHunk => hunk.kind !== 'lines'
    );
    for (const [hunk, node] of this._nodes) {
      if (!shown.some(other => other === hunk)) {
        node.remove();
        this._nodes.delete(hunk);
      }
    }
    for (const hunk of shown) {
      const node = this._nodes.get(hunk) ?? this._make(hunk);
      const number = pending.indexOf(hunk) + 1;
      const position = { number, count: pending.length };
      const isCurrent = hunk === current;
      updateControls(node, hunk, position, isCurrent, this.actions);
      this._place(hunk, node);
    }
    const removed = shown.filter(({ kind }) => kind === 'remove');
    for (const cell of this.panel.content.widgets) {
      const goes = removed.some(hunk => hunk.cell === cell.model.id);
      cell.toggleClass(REMOVED_CLASS, goes);
    }
  }

  private _make(hunk: ICellHunk): HTMLElement {
    const node = document.createElement('div');
    node.className = 'jp-fastgen-CellHunk';
    node.dataset.kind = hunk.kind;
    if (hunk.kind === 'insert') {
      const code = document.createElement('pre');
      code.className = 'jp-fastgen-CellHunk-code';
      const state = this._codeView(hunk)?.state ?? EditorState.create();
      const lines = highlightLines(hunk.text, state, [], '');
      code.append(...linesOf(lines, 'jp-fastgen-Hunk-line'));
      node.append(code);
    }
    node.append(hunkControls(hunk, this.actions));
    this._nodes.set(hunk, node);
    return node;
  }

  /** An editor of the language that a new cell is in, if there is one. */
  private _codeView({ type }: ICellHunk): EditorView | null {
    const cell = this.panel.content.widgets.find(
      ({ model, editor }) => model.type === type && editor
    );
    return (cell?.editor as CodeMirrorEditor | undefined)?.editor ?? null;
  }

  /** Puts a node where it belongs: behind or above what its cell shows. */
  private _place({ kind, cell }: ICellHunk, node: HTMLElement): void {
    const { widgets } = this.panel.content;
    const host: Cell | undefined =
      cell === '' ? widgets[0] : widgets.find(({ model }) => model.id === cell);
    if (host && node.parentElement !== host.node) {
      if (kind === 'insert' && cell !== '') {
        host.node.append(node);
      } else {
        host.node.prepend(node);
      }
    }
  }

  private readonly _nodes = new Map<Hunk, HTMLElement>();
}
