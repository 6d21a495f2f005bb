import { placeText, Translate } from '../diff/texts';
import type { Answer } from './answer';

/** Characters of what was asked that are shown: it may be any text. */
const MOST = 200;

/** What was asked, in one line; '' if that is not known. */
export function promptText({ traits: { prompt } }: Answer): string {
  const line = prompt
    .slice(0, 2 * MOST)
    .replace(/\s+/g, ' ')
    .trim();
  return line.length > MOST ? `${line.slice(0, MOST)}…` : line;
}

/** What an answer is doing, or how it ended: a few words. */
export function phaseText(answer: Answer, trans: Translate): string {
  const { phase, progress, place, target } = answer.traits;
  if (answer.isCutOff) {
    return trans.__('Cut off: the kernel is gone');
  }
  const percent =
    progress === null ? '' : ` ${Math.floor(progress * 100)}\u00a0%`;
  switch (phase) {
    case 'queued':
      return place > 0 ? placeText(place, trans) : trans.__('Waiting');
    case 'loading':
      return trans.__('Loading the model%1', percent);
    case 'reading':
      return trans.__('Reading the code%1', percent);
    case 'writing':
      return trans.__('Writing');
    case 'done':
      return target === ''
        ? trans.__('Done')
        : trans.__('Its changes are shown in the cell');
    case 'stopped':
      return trans.__('Stopped');
    case 'failed':
      return trans.__('Failed');
  }
}

/** What an answer has cost, as the engine counted; '' before its end. */
export function costText(answer: Answer, trans: Translate): string {
  const { tokens, rate } = answer.traits;
  if (answer.isRunning || tokens === 0) {
    return '';
  }
  const count = trans._n('%1 token', '%1 tokens', tokens);
  return rate > 0
    ? trans.__('%1, %2 a second', count, rate.toFixed(rate < 10 ? 1 : 0))
    : count;
}

/** Why it is as it is, as a sentence; may be ''. */
export function whyText({ traits: { why } }: Answer): string {
  return why.charAt(0).toUpperCase() + why.slice(1);
}

/** What a screen reader says of an answer that has come to another phase. */
export function phaseSentence(answer: Answer, trans: Translate): string {
  const why = whyText(answer);
  if (answer.traits.phase !== 'done') {
    return [phaseText(answer, trans), why].filter(Boolean).join('. ');
  }
  const { length } = answer.text.split('\n');
  return answer.text === ''
    ? why || phaseText(answer, trans)
    : trans._n('Done, %1 line', 'Done, %1 lines', length);
}
