import type { IRecord } from '../client/log';
import type { Refusal } from '../inline/policy';
import type { Translate } from './text';

/** What became of a request, in a few words. */
export function result(record: IRecord, trans: Translate): string {
  const { result, firstMs } = record;
  if (firstMs !== null && (result === 'superseded' || result === 'cancelled')) {
    return trans.__('shown, then given up');
  }
  const results: Record<IRecord['result'], () => string> = {
    running: () => trans.__('running'),
    skipped: () => trans.__('not asked'),
    stop: () => trans.__('shown'),
    length: () => trans.__('shown, cut off at the limit'),
    empty: () => trans.__('nothing worth showing'),
    held: () => trans.__('held back'),
    cancelled: () => trans.__('cancelled'),
    superseded: () => trans.__('overtaken by the next key'),
    unavailable: () => trans.__('no engine'),
    off: () => trans.__('not allowed'),
    failed: () => trans.__('failed')
  };
  return results[result]();
}

/** A sentence that says why no suggestion was asked for. */
export function whySkipped(reason: Refusal, trans: Translate): string {
  const reasons: Record<Refusal, () => string> = {
    disabled: () => trans.__('Suggestions are turned off.'),
    unreachable: () =>
      trans.__('The server cannot be reached, or the document is too large.'),
    'by-command': () =>
      trans.__('The settings ask for suggestions by command only.'),
    language: () => trans.__('The settings turn this language off.'),
    prose: () => trans.__('The settings leave out Markdown and raw cells.'),
    'read-only': () => trans.__('The text cannot be edited.'),
    selection: () => trans.__('Text is selected.'),
    composition: () => trans.__('A character is being composed.'),
    review: () => trans.__('Changes of this text wait to be accepted.'),
    list: () => trans.__('The list of the other completer is open.')
  };
  return reasons[reason]();
}
