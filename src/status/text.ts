import type { TranslationBundle } from '@jupyterlab/translation';
import type { Feature } from '../client/protocol';
import type { IAllowance, ISnapshot, State } from './model';

/** The share of the day's tokens from which on the person is warned. */
const NEAR = 0.8;

/** What translates; a part of the application's bundle. */
export type Translate = Pick<TranslationBundle, '__'>;

function percent(progress: number | null): string {
  return progress === null ? '' : ` ${Math.floor(progress * 100)} %`;
}

/** What of the day's tokens at a shared engine is used, and until when; '' without a limit. */
export function allowanceText(
  allowance: IAllowance | null,
  trans: Translate
): string {
  if (!allowance) {
    return '';
  }
  const { used, limit, reset } = allowance;
  return trans.__(
    '%1 of %2 tokens, until %3',
    used.toLocaleString(),
    limit.toLocaleString(),
    new Date(reset).toLocaleTimeString([], { timeStyle: 'short' })
  );
}

/** A sentence where the day's tokens come to an end; else ''. */
export function warning({ allowance }: ISnapshot, trans: Translate): string {
  if (!allowance || allowance.used < NEAR * allowance.limit) {
    return '';
  }
  return allowance.used >= allowance.limit
    ? trans.__("Today's tokens are used up.")
    : trans.__("Today's tokens are nearly used up.");
}

/** The few words of the status item, without the product's name. */
export function label(snapshot: ISnapshot, trans: Translate): string {
  const { state, progress, firstMs, place } = snapshot;
  const fast = firstMs === null ? '' : `, ${Math.round(firstMs)} ms`;
  if (place > 0 && state !== 'disabled') {
    return trans.__('place %1 in the queue', place);
  }
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
    off: () => trans.__('Suggestions are off here.'),
    error: () => trans.__('The engine does not work.')
  };
  return sentences[snapshot.state]();
}

/** What a rule is about, by the name of the setting that it goes before, if it has one. */
export function featureText(feature: Feature, trans: Translate): string {
  const texts: Record<Feature, () => string> = {
    suggestions: () => trans.__('Suggest code'),
    automatic: () => trans.__('Suggest while typing'),
    next_cell: () => trans.__('Suggest the next cell'),
    edits: () => trans.__('Edits'),
    generate: () => trans.__('Code from a description'),
    kernel_context: () => trans.__('Use the live kernel'),
    remote: () => trans.__('Text to other machines')
  };
  return texts[feature]();
}

/** The tooltip: the sentence, the reason, the way out, model and engine. */
export function title(snapshot: ISnapshot, trans: Translate): string {
  const { detail, remedy, model, engine, where, allowance } = snapshot;
  return [
    sentence(snapshot, trans),
    warning(snapshot, trans),
    detail,
    remedy,
    [model, engine, where].filter(Boolean).join(' · '),
    allowanceText(allowance, trans)
  ]
    .filter(Boolean)
    .join('\n');
}
