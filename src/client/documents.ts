import type { ICellModel } from '@jupyterlab/cells';
import type { CodeEditor } from '@jupyterlab/codeeditor';
import type { INotebookModel } from '@jupyterlab/notebook';
import { ICellSource, IDocumentSource, Mirror } from './mirror';
import type { CellType, IOwnRules, Ran } from './protocol';
import { ownRules, UNSAID } from './rules';
import type { Socket } from './socket';

type SharedNotebook = INotebookModel['sharedModel'];
type SharedCell = ICellModel['sharedModel'];
type SharedText = CodeEditor.IModel['sharedModel'];

/** The one cell of a document that is not a notebook. */
export const ONLY_CELL = 'text';

/** Where an editor's text is, seen from the server. */
export interface IPlace {
  readonly mirror: Mirror;
  /** The cell's id in the mirror. */
  readonly cell: string;
  readonly cellType: CellType;
  /** The language of the document's code, in lower case. */
  readonly language: string;
}

/**
 * The mirrors of the documents in use, found by the shared model behind an
 * editor. Two views of one notebook share that model, and so one mirror.
 *
 * A document is sent when it is first asked for, not when it is opened: a
 * restored workspace may hold many that nobody looks at.
 */
export class Documents {
  /**
   * @param socket - the connection
   * @param options - what only the application knows about a document
   */
  constructor(
    private readonly socket: Socket,
    private readonly options: Documents.IOptions
  ) {
    socket.stateChanged.connect((_, state) => {
      if (state === 'open') {
        // The server kept nothing of us; what is in use is sent again at once.
        if (this.options.isWanted()) {
          this._lost.forEach(mirror => mirror.open());
        }
        this._lost.clear();
      } else {
        this._inUse.forEach(mirror => {
          if (mirror.isKnown) {
            this._lost.add(mirror);
            mirror.forget();
          }
        });
      }
    });
    socket.message.connect((_, message) => {
      if (message.type === 'resync') {
        this._inUse.get(message.doc)?.open();
      }
    });
  }

  /**
   * Finds the place of an editor's model and makes the server's copy current.
   *
   * @returns `null` if the server cannot be told now
   */
  open(model: CodeEditor.IModel): IPlace | null {
    const shared = model.sharedModel as SharedText & Partial<SharedCell>;
    const notebook = shared.notebook as SharedNotebook | null | undefined;
    const mirror = notebook
      ? this._notebook(notebook)
      : this._text(shared, model);
    const cell = notebook ? shared.getId!() : ONLY_CELL;
    if (!mirror.ensure() || !mirror.syncCell(cell)) {
      return null;
    }
    const cellType = notebook
      ? (shared.cell_type as CellType)
      : textType(model);
    return { mirror, cell, cellType, language: mirror.source.language };
  }

  /** Lets the server know of a notebook, of which no text is sent while it is turned off. */
  tell(notebook: SharedNotebook): void {
    const mirror = this._notebook(notebook);
    if (!mirror.isKnown) {
      mirror.open();
    }
  }

  /** A cell of a notebook has run. */
  executed(cell: ICellModel, ok: boolean): void {
    const { notebook } = cell.sharedModel;
    const mirror = notebook && this._mirrors.get(notebook as SharedNotebook);
    mirror?.executed(cell.id, ok);
  }

  /** Sends what has changed of documents that is not their text. */
  syncHeads(): void {
    this._inUse.forEach(mirror => mirror.syncHead());
  }

  /** Takes all documents back from the server; `open` sends them again. */
  closeAll(): void {
    this._inUse.forEach(mirror => mirror.close());
  }

  private _notebook(notebook: SharedNotebook): Mirror {
    const known = this._mirrors.get(notebook);
    if (known) {
      return known;
    }
    const { options } = this;
    const sources = new WeakMap<object, ICellSource>();
    const mirror = this._add(notebook, {
      get cells() {
        return notebook.cells.map(cell => sources.get(cell) ?? adopt(cell));
      },
      get language() {
        return options.notebookLanguage(notebook);
      },
      get path() {
        return options.path(notebook);
      },
      get useKernel() {
        const said = notebook.metadata.fastgen as { kernel?: unknown } | null;
        return options.useKernel(ownRules(notebook)) && said?.kernel !== false;
      },
      get notebook() {
        return ownRules(notebook);
      }
    });
    /** Gives a cell its lasting identity and follows its text. */
    function adopt(cell: SharedNotebook['cells'][number]): ICellSource {
      const id = cell.getId();
      const source: ICellSource = {
        id,
        type: cell.cell_type as CellType,
        getSource: () => cell.getSource(),
        getRan: () => ranOf(cell)
      };
      sources.set(cell, source);
      cell.changed.connect((_, change) => {
        if (change.sourceChange) {
          mirror.syncCell(id);
        }
      });
      return source;
    }
    notebook.changed.connect((_, change) => {
      if (change.cellsChange) {
        mirror.syncCells();
      }
      if (change.metadataChange) {
        mirror.syncHead();
      }
    });
    return mirror;
  }

  private _text(text: SharedText, model: CodeEditor.IModel): Mirror {
    const known = this._mirrors.get(text);
    if (known) {
      return known;
    }
    const { options } = this;
    const mirror = this._add(text, {
      cells: [
        {
          id: ONLY_CELL,
          get type() {
            return textType(model);
          },
          getSource: () => text.getSource(),
          getRan: () => ''
        }
      ],
      get language() {
        return options.textLanguage(model.mimeType);
      },
      get path() {
        return options.path(text);
      },
      get useKernel() {
        return options.useKernel(UNSAID);
      },
      notebook: UNSAID
    });
    text.changed.connect((_, change) => {
      if (change.sourceChange) {
        mirror.syncCell(ONLY_CELL);
      }
    });
    return mirror;
  }

  private _add(
    shared: SharedNotebook | SharedText,
    source: IDocumentSource
  ): Mirror {
    const name = `d${++this._named}`;
    const mirror = new Mirror(name, source, message =>
      this.socket.send(message)
    );
    this._mirrors.set(shared, mirror);
    this._inUse.set(name, mirror);
    shared.disposed.connect(() => {
      mirror.close();
      this._lost.delete(mirror);
      this._inUse.delete(name);
      this._mirrors.delete(shared);
    });
    return mirror;
  }

  private _named = 0;
  private readonly _mirrors = new WeakMap<object, Mirror>();
  private readonly _inUse = new Map<string, Mirror>();
  /** Open when the connection broke. */
  private readonly _lost = new Set<Mirror>();
}

/** What the metadata of an editor's document say of us. */
export function ownRulesOf({ sharedModel }: CodeEditor.IModel): IOwnRules {
  const { notebook } = sharedModel as Partial<SharedCell>;
  return notebook ? ownRules(notebook) : UNSAID;
}

/** How a cell ran, by what it shows: an old output may be of other code. */
function ranOf(cell: SharedNotebook['cells'][number]): Ran {
  if (!('getOutputs' in cell)) {
    return '';
  }
  if (cell.getOutputs().some(({ output_type }) => output_type === 'error')) {
    return 'error';
  }
  return cell.execution_count ? 'ok' : '';
}

/** Files of prose are to code what Markdown and raw cells are. */
function textType({ mimeType }: CodeEditor.IModel): CellType {
  if (/markdown|gfm|x-rst|latex/.test(mimeType)) {
    return 'markdown';
  }
  return mimeType === 'text/plain' ? 'raw' : 'code';
}

export namespace Documents {
  /** What only the application knows about a document. */
  export interface IOptions {
    /** The language of a notebook's code cells, in lower case. */
    notebookLanguage(notebook: SharedNotebook): string;
    /** The language of a text of this MIME type, in lower case. */
    textLanguage(mimeType: string): string;
    /** Where the server finds the document; '' if nobody knows. */
    path(shared: SharedNotebook | SharedText): string;
    /** Whether there are suggestions; else documents are sent when they are asked for. */
    isWanted(): boolean;
    /** Whether live kernels may be looked at. */
    useKernel(own: IOwnRules): boolean;
  }
}
