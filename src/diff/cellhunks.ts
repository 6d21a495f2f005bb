import type { Hunk, ICellHunk } from './hunk';
import type { ITarget } from './target';

/**
 * The hunks that are about whole cells. Whether one is accepted is seen in the
 * document, so that it waits again once its acceptance is undone.
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
    this._hunks.push(...hunks);
  }

  /** Forgets some. */
  drop(isGone: (hunk: Hunk) => boolean): void {
    this._hunks = this._hunks.filter(hunk => !isGone(hunk));
  }

  /** Puts one into the document. */
  accept(hunk: ICellHunk): void {
    const { list } = this.target;
    if (hunk.kind === 'insert') {
      list?.insert(this._indexOf(hunk), hunk.made, hunk.type, hunk.text);
    } else if (hunk.kind === 'remove') {
      list?.remove(hunk.cell);
    } else {
      list?.move(hunk.cell, hunk.after);
    }
    this.follow();
  }

  /**
   * The document has changed.
   *
   * @returns how many waiting hunks are lost, because their cells are gone or,
   *   to be removed, are others now
   */
  follow(): number {
    let lost = 0;
    for (const hunk of this._hunks) {
      if (this._isApplied(hunk)) {
        hunk.status = 'accepted';
      } else if (this._isLost(hunk)) {
        lost += hunk.status === 'pending' ? 1 : 0;
        hunk.status = 'lost';
      } else {
        hunk.status = 'pending';
      }
    }
    this.drop(({ status }) => status === 'lost');
    return lost;
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
}
