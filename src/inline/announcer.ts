import type { TranslationBundle } from '@jupyterlab/translation';
import { EMPTY_MS, liveRegion } from '../region';

/** Milliseconds a suggestion must stand: one that is typed through is no news. */
const STANDS_MS = 500;

/** A suggestion as a person perceives it: number `position` of `count`. */
export interface IOffer {
  readonly text: string;
  /** Whose suggestion it is. */
  readonly origin: string;
  readonly position: number;
  readonly count: number;
}

/**
 * Tells screen readers of a suggestion, which ghost text alone does not: one
 * polite live region, one sentence for each suggestion.
 */
export class Announcer {
  /** @param trans - translates the sentences */
  constructor(private readonly trans: TranslationBundle) {
    this._region = liveRegion();
  }

  /**
   * A suggestion was shown or has grown, or there are more of them.
   *
   * @param offer - gives what is shown once it has stood for a while
   */
  onShown(offer: () => IOffer | null): void {
    clearTimeout(this._timer);
    this._timer = setTimeout(() => {
      const shown = offer();
      if (shown) {
        this._announce(shown);
      }
    }, STANDS_MS);
  }

  /** Says all lines of what is shown, also if that was said before. */
  read(offer: IOffer): void {
    clearTimeout(this._timer);
    this._region.textContent = '';
    this._timer = setTimeout(() => {
      this._region.textContent = this._sentence(offer, offer.text.trim());
    }, EMPTY_MS);
  }

  /** Says nothing more. */
  dispose(): void {
    clearTimeout(this._timer);
    this._region.remove();
  }

  private _announce(offer: IOffer): void {
    const { text, count } = offer;
    const lines = text.split('\n').filter(line => line.trim() !== '');
    // The rest of a suggestion that was announced is not a new one.
    const isKnown = this._last.endsWith(text);
    const hasMore = count > this._count;
    if (lines.length === 0 || (isKnown && !hasMore)) {
      return;
    }
    this._last = text;
    this._count = count;
    if (isKnown) {
      this._region.textContent = this.trans._n(
        'There is %1 alternative',
        'There are %1 alternatives',
        count - 1
      );
      return;
    }
    const sentence = this._sentence(offer, lines[0].trim());
    this._region.textContent =
      lines.length === 1
        ? sentence
        : this.trans._n(
            '%2, and %1 more line',
            '%2, and %1 more lines',
            lines.length - 1,
            sentence
          );
  }

  private _sentence(offer: IOffer, text: string): string {
    const { position, count, origin } = offer;
    return count > 1
      ? this.trans.__(
          'Suggestion %1 of %2 from %3: %4',
          position,
          count,
          origin,
          text
        )
      : this.trans.__('Suggestion from %1: %2', origin, text);
  }

  private readonly _region: HTMLElement;
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _last = '';
  private _count = 0;
}
