import type { INotebookModel } from '@jupyterlab/notebook';
import { ISignal, Signal } from '@lumino/signaling';
import { ONLY_CELL } from '../client/documents';
import type { CellType } from '../client/protocol';
import type { ISplice } from './lines';

type SharedNotebook = INotebookModel['sharedModel'];
type SharedCell = SharedNotebook['cells'][number];

/** What is used here of a shared text. */
export interface ISharedText {
  readonly undoManager: { stopCapturing(): void } | null;
  readonly changed: ISignal<unknown, { readonly sourceChange?: unknown }>;
  getSource(): string;
  updateSource(from: number, to: number, text: string): void;
  transact(change: () => void): void;
}

/** A document as its review sees it: texts in an order, each with an id. */
export interface ITarget {
  /** Emitted with the id of the text that changed, `null` if the list of them did. */
  readonly changed: ISignal<ITarget, string | null>;
  /** The ids of the cells, in order. */
  readonly ids: readonly string[];
  /** The text of a cell, `null` if it is not there. */
  textOf(id: string): string | null;
  /** Whether the text of a cell may be changed. */
  canChange(id: string): boolean;
  /** Makes what `change` does one step in the history of these cells and of the list. */
  asOneStep(ids: readonly string[], change: () => void): void;
  /** Changes a text, one splice after the other. */
  splice(id: string, splices: readonly ISplice[]): void;
  /** What can be done to the list of cells; `null` if the document is one text. */
  readonly list: ICellList | null;
}

/** The cells of a notebook as a list. */
export interface ICellList {
  /** Puts a new cell at `index`. */
  insert(index: number, id: string, type: CellType, text: string): void;
  /** Whether a cell may be removed. */
  canRemove(id: string): boolean;
  /** Removes a cell. */
  remove(id: string): void;
  /** Moves a cell behind another, or to the top if that is ''. */
  move(id: string, after: string): void;
}

/** A text file, whose one text has the id that the server knows. */
export class FileTarget implements ITarget {
  constructor(private readonly text: ISharedText) {
    text.changed.connect((_, change) => {
      if (change.sourceChange) {
        this._changed.emit(ONLY_CELL);
      }
    });
  }

  get changed(): ISignal<this, string | null> {
    return this._changed;
  }

  readonly ids = [ONLY_CELL];
  readonly list = null;

  textOf(id: string): string | null {
    return id === ONLY_CELL ? this.text.getSource() : null;
  }

  canChange(id: string): boolean {
    return id === ONLY_CELL;
  }

  asOneStep(_: readonly string[], change: () => void): void {
    this.text.undoManager?.stopCapturing();
    change();
    this.text.undoManager?.stopCapturing();
  }

  splice(_: string, splices: readonly ISplice[]): void {
    spliceText(this.text, splices);
  }

  private readonly _changed = new Signal<this, string | null>(this);
}

/** A notebook, also where its cells have no editors. */
export class NotebookTarget implements ITarget, ICellList {
  constructor(private readonly notebook: SharedNotebook) {
    notebook.cells.forEach(cell => this._follow(cell));
    notebook.changed.connect((_, change) => {
      if (change.cellsChange) {
        notebook.cells.forEach(cell => this._follow(cell));
        this._changed.emit(null);
      }
    });
  }

  get changed(): ISignal<this, string | null> {
    return this._changed;
  }

  readonly list = this;

  get ids(): readonly string[] {
    return this.notebook.cells.map(cell => cell.getId());
  }

  textOf(id: string): string | null {
    return this._cell(id)?.getSource() ?? null;
  }

  canChange(id: string): boolean {
    return this._cell(id)?.getMetadata('editable') !== false;
  }

  canRemove(id: string): boolean {
    return this._cell(id)?.getMetadata('deletable') !== false;
  }

  asOneStep(ids: readonly string[], change: () => void): void {
    asOneStep(
      this.notebook,
      ids.map(id => this._cell(id)),
      change
    );
  }

  splice(id: string, splices: readonly ISplice[]): void {
    const cell = this._cell(id);
    if (cell) {
      spliceText(cell as unknown as ISharedText, splices);
    }
  }

  insert(index: number, id: string, type: CellType, source: string): void {
    this.notebook.insertCell(index, {
      id,
      cell_type: type,
      source,
      // As that of an empty cell that the person makes.
      metadata: type === 'code' ? { trusted: true } : {}
    });
  }

  remove(id: string): void {
    const index = this.ids.indexOf(id);
    if (index >= 0) {
      this.notebook.deleteCell(index);
    }
  }

  move(id: string, after: string): void {
    const from = this.ids.indexOf(id);
    const behind = this.ids.indexOf(after);
    if (from >= 0) {
      // The index counts the cells as they are once the cell is gone.
      this.notebook.moveCell(from, behind < from ? behind + 1 : behind);
    }
  }

  private _cell(id: string): SharedCell | null {
    return this.notebook.cells.find(cell => cell.getId() === id) ?? null;
  }

  private _follow(cell: SharedCell): void {
    if (!this._followed.has(cell)) {
      this._followed.add(cell);
      cell.changed.connect((_, change) => {
        if (change.sourceChange) {
          this._changed.emit(cell.getId());
        }
      });
    }
  }

  private readonly _followed = new WeakSet<SharedCell>();
  private readonly _changed = new Signal<this, string | null>(this);
}

/** Makes what `change` does one step in the history of a notebook and of these cells. */
export function asOneStep(
  notebook: SharedNotebook,
  cells: readonly unknown[],
  change: () => void
): void {
  const histories = [notebook, ...cells].map(
    shared => (shared as Partial<ISharedText> | null)?.undoManager
  );
  histories.forEach(history => history?.stopCapturing());
  if (notebook.disableDocumentWideUndoRedo) {
    change();
  } else {
    notebook.transact(change);
  }
  histories.forEach(history => history?.stopCapturing());
}

function spliceText(text: ISharedText, splices: readonly ISplice[]): void {
  text.transact(() => {
    splices.forEach(({ from, to, insert }) =>
      text.updateSource(from, to, insert)
    );
  });
}
