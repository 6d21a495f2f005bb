import { diff } from './delta';
import { CellType, FromBrowser, ICell, IOwnRules, Ran } from './protocol';

/** A cell as the mirror sees it. Its identity tells one cell from another. */
export interface ICellSource {
  readonly id: string;
  readonly type: CellType;
  getSource(): string;
  /** How its code ran, as far as the document tells. */
  getRan(): Ran;
}

/** A document as the mirror sees it: whatever changes, these give the present. */
export interface IDocumentSource {
  readonly cells: readonly ICellSource[];
  readonly language: string;
  readonly path: string;
  /** Whether its live kernel may be looked at. */
  readonly useKernel: boolean;
  /** What its metadata say of us. */
  readonly notebook: IOwnRules;
}

/** A cell and its text as the server knows it. */
interface IShadow {
  readonly cell: ICellSource;
  text: string;
}

/**
 * Keeps the server's copy of one document equal to ours: the whole once, then
 * only differences. It remembers what the server knows and compares.
 */
export class Mirror {
  /**
   * @param name - the document's name on this connection
   * @param source - the document
   * @param send - sends a message; false if it could not be sent
   */
  constructor(
    readonly name: string,
    readonly source: IDocumentSource,
    private readonly send: (message: FromBrowser) => boolean
  ) {}

  /** The revision the server's copy is at. */
  get rev(): number {
    return this._rev;
  }

  /** Whether the server has a copy. */
  get isOpen(): boolean {
    return this._shadows !== null;
  }

  /** Whether the server knows of the document, if only that it is turned off. */
  get isKnown(): boolean {
    return this._isKnown;
  }

  /**
   * Makes the server's copy current, sending the whole document if there is none.
   *
   * @returns false if that is not possible now, or not wanted
   */
  ensure(): boolean {
    if (!this.source.notebook.enabled) {
      this.syncHead();
      return false;
    }
    return this.isOpen && this._sentHead === this._head()
      ? this.syncCells()
      : this.open();
  }

  /**
   * Sends the whole document, whether or not the server has a copy. Of one that is
   * turned off it sends that, and no text.
   */
  open(): boolean {
    const isWanted = this.source.notebook.enabled;
    const cells = isWanted ? this.source.cells : [];
    const shadows = cells.map(cell => ({ cell, text: cell.getSource() }));
    this._rev++;
    const sent = this.send({
      type: 'open',
      doc: this.name,
      cells: shadows.map(toCell),
      language: this.source.language,
      path: this.source.path,
      rev: this._rev,
      kernel: this.source.useKernel,
      notebook: this.source.notebook
    });
    this._shadows = sent && isWanted ? shadows : null;
    this._isKnown = sent;
    this._sentHead = this._head();
    return sent && isWanted;
  }

  /** Sends the document anew if what is not its text has changed. */
  syncHead(): void {
    if (this._isKnown && this._sentHead !== this._head()) {
      this.open();
    }
  }

  /**
   * Sends what changed in the text of one cell.
   *
   * @returns whether the server now has the cell's present text
   */
  syncCell(id: string): boolean {
    const shadow = this._shadows?.find(shadow => shadow.cell.id === id);
    if (!shadow) {
      return false;
    }
    const text = shadow.cell.getSource();
    const delta = diff(shadow.text, text);
    if (!delta) {
      return true;
    }
    shadow.text = text;
    return this._deliver({
      type: 'change',
      doc: this.name,
      rev: ++this._rev,
      cell: id,
      ...delta
    });
  }

  /** Sends what changed in the list of cells; true if the server is current. */
  syncCells(): boolean {
    const before = this._shadows;
    if (!before) {
      return false;
    }
    const after = this.source.cells;
    const shorter = Math.min(before.length, after.length);
    let head = 0;
    while (head < shorter && before[head].cell === after[head]) {
      head++;
    }
    let tail = 0;
    while (
      tail < shorter - head &&
      before[before.length - 1 - tail].cell === after[after.length - 1 - tail]
    ) {
      tail++;
    }
    const gone = before.length - tail - head;
    const added = after
      .slice(head, after.length - tail)
      .map(cell => ({ cell, text: cell.getSource() }));
    if (gone === 0 && added.length === 0) {
      return true;
    }
    before.splice(head, gone, ...added);
    return this._deliver({
      type: 'splice',
      doc: this.name,
      rev: ++this._rev,
      index: head,
      delete: gone,
      insert: added.map(toCell)
    });
  }

  /** A cell has run. */
  executed(cell: string, ok: boolean): void {
    if (this._shadows?.some(shadow => shadow.cell.id === cell)) {
      this._deliver({ type: 'executed', doc: this.name, cell, ok });
    }
  }

  /** The server has lost its copy; the next `ensure` sends the whole. */
  forget(): void {
    this._shadows = null;
    this._isKnown = false;
  }

  /** Tells the server that the document is closed. */
  close(): void {
    if (this._isKnown) {
      this.send({ type: 'close', doc: this.name });
      this.forget();
    }
  }

  /** A difference that did not arrive makes the server's copy worthless. */
  private _deliver(message: FromBrowser): boolean {
    const sent = this.send(message);
    if (!sent) {
      this._shadows = null;
    }
    return sent;
  }

  /** What of the document is not in its cells, to be compared. */
  private _head(): string {
    const { language, path, useKernel, notebook } = this.source;
    return JSON.stringify([language, path, useKernel, notebook]);
  }

  private _rev = 0;
  private _sentHead = '';
  private _isKnown = false;
  private _shadows: IShadow[] | null = null;
}

function toCell(shadow: IShadow): ICell {
  const { cell, text } = shadow;
  return { id: cell.id, type: cell.type, source: text, ran: cell.getRan() };
}
