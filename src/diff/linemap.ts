import { bodies, ILineChange, lineChanges } from './lines';

/**
 * Where the lines of a text are now, after changes of that text. An answer tells
 * of lines of the text that it was asked for, while the person types on.
 */
export class LineMap {
  /** @param text - the text whose lines are followed */
  constructor(text: string) {
    this._now = bodies(text);
    this._places = this._now.map((_, line) => line);
  }

  /** The text is now `text`. */
  follow(text: string): void {
    const after = bodies(text);
    for (const change of lineChanges(this._now, after)) {
      this._places = this._places.map(line => shifted(line, change));
    }
    this._now = after;
  }

  /**
   * Where the lines [`start`, `end`) of the first text begin now; `null` if one
   * of them was changed, or anything was put between them. Of no lines, it is
   * the place between the two around it.
   */
  find(start: number, end: number): number | null {
    const places = this._places;
    if (start < 0 || end < start || end > places.length) {
      return null;
    }
    if (start < end) {
      const first = places[start];
      const isWhole = places
        .slice(start, end)
        .every((line, index) => line >= 0 && line === first + index);
      return isWhole ? first : null;
    }
    if (start > 0 && places[start - 1] >= 0) {
      return places[start - 1] + 1;
    }
    if (start < places.length && places[start] >= 0) {
      return places[start];
    }
    if (start === places.length) {
      return this._now.length;
    }
    return start === 0 ? 0 : null;
  }

  private _now: string[];
  /** For each line of the first text its line now, -1 if it was changed. */
  private _places: number[];
}

function shifted(line: number, { start, end, count }: ILineChange): number {
  if (line < start) {
    return line;
  }
  return line < end ? -1 : line + count - (end - start);
}
