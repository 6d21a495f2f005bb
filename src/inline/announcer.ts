import type { TranslationBundle } from '@jupyterlab/translation';

/** Milliseconds a suggestion must stand: one that is typed through is no news. */
const STANDS_MS = 500;

/**
 * Tells screen readers of a suggestion, which ghost text alone does not: one
 * polite live region, one sentence for each suggestion.
 */
export class Announcer {
  /** @param trans - translates the sentence */
  constructor(private readonly trans: TranslationBundle) {
    this._region = document.createElement('div');
    this._region.className = 'jp-fastgen-Announcer';
    this._region.setAttribute('role', 'status');
    this._region.setAttribute('aria-live', 'polite');
    document.body.appendChild(this._region);
  }

  /**
   * A suggestion was shown or has grown.
   *
   * @param text - gives what is shown of it once it has stood for a while
   */
  onShown(text: () => string): void {
    clearTimeout(this._timer);
    this._timer = setTimeout(() => this._announce(text()), STANDS_MS);
  }

  /** Says nothing more. */
  dispose(): void {
    clearTimeout(this._timer);
    this._region.remove();
  }

  private _announce(text: string): void {
    const lines = text.split('\n').filter(line => line.trim() !== '');
    // The rest of a suggestion that was announced is not a new one.
    if (lines.length === 0 || this._last.endsWith(text)) {
      return;
    }
    this._last = text;
    this._region.textContent =
      lines.length === 1
        ? this.trans.__('Suggestion: %1', lines[0].trim())
        : this.trans._n(
            'Suggestion: %2, and %1 more line',
            'Suggestion: %2, and %1 more lines',
            lines.length - 1,
            lines[0].trim()
          );
  }

  private readonly _region: HTMLElement;
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _last = '';
}
