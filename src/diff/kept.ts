import type { ISavedReview } from './review';

/** Where the tab keeps reviews; another number if what is kept has another form. */
const KEY = 'jupyter_fastgen:review:1:';

/** Milliseconds between two times that the tab is given what has changed. */
const WRITE_MS = 1000;

/** UTF-16 units of the largest review that the tab keeps; browsers give it some millions. */
export const MOST_UNITS = 500_000;

/**
 * What waits in documents, to be taken up when they are opened again. The tab
 * keeps it, too, for the time when its page is reloaded.
 */
export class KeptReviews {
  /** @param storage - of the tab */
  constructor(
    private readonly storage: Pick<
      Storage,
      'getItem' | 'setItem' | 'removeItem'
    >
  ) {}

  /** What waits in a document, `null` if nothing does. */
  get(name: string): ISavedReview | null {
    const known = this._known.get(name);
    if (known) {
      return known;
    }
    try {
      return JSON.parse(this.storage.getItem(KEY + name) ?? 'null');
    } catch {
      return null;
    }
  }

  /** Keeps what waits in a document now; the tab is told soon, for this may be each key. */
  set(name: string, review: ISavedReview | null): void {
    this._known.set(name, review);
    this._unsaved.add(name);
    this._timer ??= setTimeout(() => this.flush(), WRITE_MS);
  }

  /** Tells the tab at once: the page may be about to go. */
  flush(): void {
    clearTimeout(this._timer);
    this._timer = undefined;
    this._unsaved.forEach(name => this._write(name));
    this._unsaved.clear();
  }

  private _write(name: string): void {
    const review = this._known.get(name) ?? null;
    const text = JSON.stringify(review);
    try {
      this.storage.removeItem(KEY + name);
      if (review && text.length <= MOST_UNITS) {
        this.storage.setItem(KEY + name, text);
      }
    } catch {
      // What the browser does not keep waits as long as the page.
    }
  }

  private _timer: ReturnType<typeof setTimeout> | undefined;
  private readonly _unsaved = new Set<string>();
  private readonly _known = new Map<string, ISavedReview | null>();
}
