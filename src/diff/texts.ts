import type { TranslationBundle } from '@jupyterlab/translation';
import type { IProgress } from '../client/protocol';
import { Hunk, ICellHunk, ILinesHunk } from './hunk';

/** What translates; a part of the application's bundle. */
export type Translate = Pick<TranslationBundle, '__' | '_n'>;

/** Where a hunk is among those that wait, from 1. */
export interface IPosition {
  readonly number: number;
  readonly count: number;
}

/** How many lines go and come, or what becomes of a cell: a few words. */
export function summary(hunk: Hunk, trans: Translate): string {
  return hunk.kind === 'lines' ? lineCounts(hunk, trans) : ofCell(hunk, trans);
}

/** All that a screen reader has to say of a hunk. */
export function description(
  hunk: Hunk,
  { number, count }: IPosition,
  trans: Translate
): string {
  const where = [
    trans.__('Change %1 of %2', number, count),
    hunk.label,
    hunk.kind === 'lines' ? place(hunk, trans) : ''
  ];
  const what = `${where.filter(Boolean).join(', ')}: ${summary(hunk, trans)}`;
  return hunk.reasons.length > 0
    ? trans.__('%1; needs a look: %2', what, hunk.reasons.join(' '))
    : what;
}

/** What an edit is doing. */
export function progressText(
  progress: IProgress | null,
  trans: Translate
): string {
  if (!progress) {
    return trans.__('Asking');
  }
  const { phase, fraction, lines, place } = progress;
  const percent =
    fraction === null ? '' : ` ${Math.floor(fraction * 100)}\u00a0%`;
  switch (phase) {
    case 'loading':
      return trans.__('Loading the model%1', percent);
    case 'queued':
      return placeText(place, trans);
    case 'reading':
      return trans.__('Reading the code%1', percent);
    case 'writing':
      return trans._n('Writing, %1 line', 'Writing, %1 lines', lines);
  }
}

/** Where in the queue of a shared engine it is: 1 is the next. */
export function placeText(place: number, trans: Pick<Translate, '__'>): string {
  return place === 1
    ? trans.__('Next in the queue')
    : trans.__('Place %1 in the queue', place);
}

/** What was lost while the person typed; '' if nothing was. */
export function lossText(lost: number, trans: Translate): string {
  return lost === 0
    ? ''
    : trans._n(
        '%1 change was dropped, because the text it was for is another now.',
        '%1 changes were dropped, because the text they were for is another now.',
        lost
      );
}

function lineCounts({ old, fresh }: ILinesHunk, trans: Translate): string {
  const removed = trans._n('%1 line removed', '%1 lines removed', old.length);
  const added = trans._n('%1 line added', '%1 lines added', fresh.length);
  return [old.length && removed, fresh.length && added]
    .filter(Boolean)
    .join(', ');
}

function place({ start, old }: ILinesHunk, trans: Translate): string {
  if (old.length === 0) {
    return trans.__('before line %1', start + 1);
  }
  return old.length === 1
    ? trans.__('line %1', start + 1)
    : trans.__('lines %1 to %2', start + 1, start + old.length);
}

function ofCell(hunk: ICellHunk, trans: Translate): string {
  const { kind, after, afterHead } = hunk;
  switch (kind) {
    case 'insert':
      return trans.__('a new cell');
    case 'remove':
      return trans.__('this cell goes');
    case 'move':
      if (!after) {
        return trans.__('this cell moves to the top');
      }
      return afterHead
        ? trans.__('this cell moves below “%1”', afterHead)
        : trans.__('this cell moves below an empty cell');
  }
}
