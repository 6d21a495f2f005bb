import type { Hunk, ICellHunk } from './hunk';
import type { ITarget } from './target';

/**
 * The hunks that are about whole cells. Whether one is accepted is seen in the
 * document. It waits again only once its acceptance is undone, that is, the cells
 * are in the order of before; whatever else the person does, it is done.
 */
export class CellHunks {
  constructor(private readonly target: ITarget) {}

  /** All that are known. */
  get all(): readonly ICellHunk[] {
    return this._hunks;
  }

  /** Those that are about a cell itself, and cells that come behind it. */
  at(id: string): {
    readonly own: readonly ICellHunk[];
    readonly behind: readonly ICellHunk[];
  } {
    const here = this._hunks.filter(({ cell }) => cell === id);
    return {
      own: here.filter(({ kind }) => kind !== 'insert'),
      behind: here.filter(({ kind }) => kind === 'insert')
    };
  }

  /** Takes up more. */
  add(hunks: readonly ICellHunk[]): void {
    this._ids = this.target.ids;
    this._hunks.push(...hunks);
  }

  /** Forgets some. */
  drop(isGone: (hunk: Hunk) => boolean): void {
    this._hunks = this._hunks.filter(hunk => !isGone(hunk));
  }

  /** Puts them into the document; those that it refuses are lost. */
  accept(hunks: readonly ICellHunk[]): void {
    const { ids } = this.target;
    for (const hunk of hunks) {
      if (hunk.status === 'pending') {
        this._apply(hunk);
        this.follow();
      }
    }
    // They are undone together.
    hunks.forEach(hunk => (hunk.before = ids));
  }

  /**
   * The document has changed.
   *
   * @returns how many waiting hunks are lost, because their cells are gone or,
   *   to be removed, are others now
   */
  follow(): number {
    if (this._hunks.length === 0) {
      return 0;
    }
    const before = this._ids;
    this._ids = this.target.ids;
    let lost = 0;
    for (const hunk of this._hunks) {
      const isPending = hunk.status === 'pending';
      if (this._isApplied(hunk)) {
        hunk.before = isPending ? before : hunk.before;
        hunk.status = 'accepted';
      } else if (isPending || isSame(hunk.before, this._ids)) {
        const isLost = this._isLost(hunk);
        lost += isPending && isLost ? 1 : 0;
        hunk.status = isLost ? 'lost' : 'pending';
      }
    }
    this.drop(({ status }) => status === 'lost');
    return lost;
  }

  private _apply(hunk: ICellHunk): void {
    const { list } = this.target;
    if (hunk.kind === 'insert') {
      list?.insert(this._indexOf(hunk), hunk.made, hunk.type, hunk.text);
    } else if (hunk.kind === 'move') {
      list?.move(hunk.cell, hunk.after);
    } else if (list?.canRemove(hunk.cell)) {
      list.remove(hunk.cell);
    } else {
      hunk.status = 'lost';
      this.drop(other => other === hunk);
    }
  }

  private _isApplied({ kind, cell, made, after }: ICellHunk): boolean {
    const { ids } = this.target;
    const index = ids.indexOf(cell);
    return kind === 'insert'
      ? ids.includes(made)
      : kind === 'remove'
        ? index < 0
        : index >= 0 && (ids[index - 1] ?? '') === after;
  }

  private _isLost({ kind, cell, text, after }: ICellHunk): boolean {
    const { target } = this;
    const isThere = (id: string) => id === '' || target.ids.includes(id);
    return (
      !isThere(cell) ||
      (kind === 'remove' && target.textOf(cell) !== text) ||
      (kind === 'move' && !isThere(after))
    );
  }

  /** Where a cell is to be inserted: behind those that come before it at its place. */
  private _indexOf(hunk: ICellHunk): number {
    const { ids } = this.target;
    const before = this.at(hunk.cell).behind;
    const made = before
      .slice(0, before.indexOf(hunk))
      .map(earlier => ids.indexOf(earlier.made));
    return Math.max(ids.indexOf(hunk.cell), ...made) + 1;
  }

  private _hunks: ICellHunk[] = [];
  /** The cells as they were last seen. */
  private _ids: readonly string[] = [];
}

function isSame(some: readonly string[], others: readonly string[]): boolean {
  return (
    some.length === others.length &&
    some.every((id, index) => id === others[index])
  );
}
