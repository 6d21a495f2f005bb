import { LineMap } from './linemap';
import type { ITarget } from './target';
import type { Translate } from './texts';

/** What an edit may change: cells, or some lines of one. */
export interface IScope {
  readonly kind: 'lines' | 'cell' | 'cells' | 'document';
  readonly ids: readonly string[];
  /** The lines [start, end) of the one cell, where not all of it is meant. */
  readonly start?: number;
  readonly end?: number;
}

/** Where the person stands in a document. */
export interface IStand {
  /** The ids of all cells, in order. */
  readonly ids: readonly string[];
  /** The active cell. */
  readonly active: string;
  /** The selected cells, in order. */
  readonly selected: readonly string[];
  /** The lines [start, end) with selected text, `null` without any. */
  readonly lines: readonly [start: number, end: number] | null;
}

/** What an edit from here may be about, the likeliest first. */
export function scopesOf({ ids, active, selected, lines }: IStand): IScope[] {
  const scopes: IScope[] = [];
  if (selected.length > 1) {
    scopes.push({ kind: 'cells', ids: selected });
  } else if (lines) {
    const [start, end] = lines;
    scopes.push({ kind: 'lines', ids: [active], start, end });
  }
  if (ids.length > 1) {
    scopes.push({ kind: 'cell', ids: [active] });
  }
  scopes.push({ kind: 'document', ids });
  return scopes;
}

/**
 * What has become of a scope while its document was edited.
 *
 * @param before - the text of the scope's cell when its lines were selected
 * @returns the scope without cells that are gone, its lines where they are now;
 *   `null` if they are others, or nothing is left
 */
export function scopeNow(
  { kind, ids, start, end }: IScope,
  before: string,
  target: ITarget
): IScope | null {
  const left = ids.filter(id => target.textOf(id) !== null);
  if (left.length === 0) {
    return null;
  }
  if (start === undefined || end === undefined) {
    return { kind, ids: left };
  }
  const map = new LineMap(before);
  map.follow(target.textOf(left[0])!);
  const first = map.find(start, end);
  return first === null
    ? null
    : { kind, ids: left, start: first, end: first + end - start };
}

/** What a person calls a scope. */
export function scopeText(
  { kind, ids, start, end }: IScope,
  isNotebook: boolean,
  trans: Translate
): string {
  switch (kind) {
    case 'lines':
      return end! - start! === 1
        ? trans.__('Line %1', end)
        : trans.__('Lines %1 to %2', start! + 1, end);
    case 'cell':
      return trans.__('This cell');
    case 'cells':
      return trans.__('%1 selected cells', ids.length);
    case 'document':
      return isNotebook ? trans.__('Whole notebook') : trans.__('Whole file');
  }
}
