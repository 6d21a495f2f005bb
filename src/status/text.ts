import type { TranslationBundle } from '@jupyterlab/translation';
import type { IRecord } from '../client/log';
import type { Refusal } from '../inline/policy';
import type { ISnapshot, State } from './model';

/** What translates; a part of the application's bundle. */
export type Translate = Pick<TranslationBundle, '__'>;

function percent(progress: number | null): string {
  return progress === null ? '' : ` ${Math.floor(progress * 100)} %`;
}

/** The few words of the status item, without the product's name. */
export function label(snapshot: ISnapshot, trans: Translate): string {
  const { state, progress, firstMs } = snapshot;
  const fast = firstMs === null ? '' : `, ${Math.round(firstMs)} ms`;
  const labels: Record<State, () => string> = {
    connecting: () => trans.__('connecting'),
    disconnected: () => trans.__('disconnected'),
    disabled: () => trans.__('off'),
    missing: () => trans.__('no model'),
    downloading: () => trans.__('downloading%1', percent(progress)),
    loading: () => trans.__('loading%1', percent(progress)),
    ready: () => trans.__('ready%1', fast),
    // The words stay while it works: they would flicker at each key.
    busy: () => trans.__('ready%1', fast),
    idle: () => trans.__('resting'),
    off: () => trans.__('off'),
    error: () => trans.__('error')
  };
  return labels[state]();
}

/** A sentence that says what the state means for the person. */
export function sentence(snapshot: ISnapshot, trans: Translate): string {
  const sentences: Record<State, () => string> = {
    connecting: () => trans.__('Connecting to the server.'),
    disconnected: () =>
      trans.__('No connection to the server. Trying again by itself.'),
    disabled: () => trans.__('You have turned suggestions off.'),
    missing: () => trans.__('There is no model on this machine yet.'),
    downloading: () => trans.__('The model is being downloaded.'),
    loading: () => trans.__('The model is being loaded.'),
    ready: () => trans.__('Ready.'),
    busy: () => trans.__('Working on a suggestion.'),
    idle: () =>
      trans.__('The model is unloaded. It comes back with the next key.'),
    off: () => trans.__('The administrator has turned suggestions off.'),
    error: () => trans.__('The engine does not work.')
  };
  return sentences[snapshot.state]();
}

/** The tooltip: the sentence, the reason, the way out, model and engine. */
export function title(snapshot: ISnapshot, trans: Translate): string {
  const { detail, remedy, model, engine, where } = snapshot;
  return [
    sentence(snapshot, trans),
    detail,
    remedy,
    [model, engine, where].filter(Boolean).join(' · ')
  ]
    .filter(Boolean)
    .join('\n');
}

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
