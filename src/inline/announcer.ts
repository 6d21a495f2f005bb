import type { InlineCompleter } from '@jupyterlab/completer';
import type { TranslationBundle } from '@jupyterlab/translation';
import { isShowing } from './completers';

/** Milliseconds a suggestion must stand: one that is typed through is no news. */
const STANDS_MS = 500;

/** Milliseconds the region stays empty, so that the same sentence is news again. */
const EMPTY_MS = 100;

/**
 * Tells screen readers of a suggestion, which ghost text alone does not: one
 * polite live region, one sentence for each suggestion.
 */
export class Announcer {
  /** @param trans - translates the sentences */
  constructor(private readonly trans: TranslationBundle) {
    this._region = document.createElement('div');
    this._region.className = 'jp-fastgen-Announcer';
    this._region.setAttribute('role', 'status');
    this._region.setAttribute('aria-live', 'polite');
    document.body.appendChild(this._region);
  }

  /** A suggestion was shown or has grown in `completer`, or there are more of them. */
  onShown(completer: InlineCompleter): void {
    clearTimeout(this._timer);
    this._timer = setTimeout(() => {
      if (!completer.isDisposed && isShowing(completer)) {
        this._announce(completer);
      }
    }, STANDS_MS);
  }

  /** Says all lines of what `completer` shows, also if that was said before. */
  read(completer: InlineCompleter): void {
    clearTimeout(this._timer);
    this._region.textContent = '';
    const sentence = this._sentence(completer, textOf(completer).trim());
    this._timer = setTimeout(() => {
      this._region.textContent = sentence;
    }, EMPTY_MS);
  }

  /** Says nothing more. */
  dispose(): void {
    clearTimeout(this._timer);
    this._region.remove();
  }

  private _announce(completer: InlineCompleter): void {
    const text = textOf(completer);
    const lines = text.split('\n').filter(line => line.trim() !== '');
    const count = itemsOf(completer).length;
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
    const sentence = this._sentence(completer, lines[0].trim());
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

  private _sentence(completer: InlineCompleter, text: string): string {
    const items = itemsOf(completer);
    const { current } = completer;
    const origin = current?.provider.name ?? '';
    return current && items.length > 1
      ? this.trans.__(
          'Suggestion %1 of %2 from %3: %4',
          items.indexOf(current) + 1,
          items.length,
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

function textOf(completer: InlineCompleter): string {
  return completer.current?.insertText ?? '';
}

function itemsOf({ model }: InlineCompleter) {
  return model?.completions?.items ?? [];
}
