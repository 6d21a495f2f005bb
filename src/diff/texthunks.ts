import type { ILinesHunk } from './hunk';
import {
  bodies,
  ILineChange,
  ISplice,
  lineChanges,
  splitLines,
  spliced,
  spliceOf
} from './lines';

/** UTF-16 units that the lengths of lines do not tell of: a last `\r\n` and a byte order mark. */
const UNCOUNTED = 3;

/**
 * The hunks of one text, which stay where they belong while it changes.
 *
 * It compares texts, whatever changed them: so an acceptance that is undone is
 * noticed, too, and the hunk waits again.
 */
export class TextHunks {
  /**
   * @param text - the text as it is
   * @param hunks - in order, none inside another
   */
  constructor(
    public text: string,
    public hunks: ILinesHunk[] = []
  ) {
    this._isEnded = text.endsWith('\n');
  }

  /**
   * The text is now `text`. Hunks whose lines changed are lost; those that were
   * undone wait again, those that were redone are accepted.
   *
   * @returns how many waiting hunks are lost
   */
  follow(text: string): number {
    if (text === this.text || this._followHistory(text)) {
      return 0;
    }
    const changes = lineChanges(bodies(this.text), bodies(text));
    this.text = text;
    if (bodies(text).length > 0) {
      this._isEnded = text.endsWith('\n');
    }
    const touched = this.hunks.filter(hunk =>
      changes.some(change => touches(hunk, change))
    );
    this.drop(touched);
    for (const change of changes) {
      this.hunks.forEach(hunk => shift(hunk, change));
    }
    // What was accepted before it was touched is the person's own text now.
    const lost = touched.filter(hunk => hunk.status === 'pending');
    lost.forEach(hunk => (hunk.status = 'lost'));
    return lost.length;
  }

  /**
   * Accepts hunks in this text.
   *
   * @param step - the number of this acceptance
   * @returns what is to be done to the document, in this order. Refused hunks,
   *   whose old lines are not there, are lost
   */
  accept(hunks: readonly ILinesHunk[], step: number): ISplice[] {
    const splices: ISplice[] = [];
    for (const hunk of hunks) {
      if (!this.hunks.includes(hunk) || hunk.status !== 'pending') {
        continue;
      }
      if (!this._stands(hunk)) {
        hunk.status = 'lost';
        this.drop([hunk]);
        continue;
      }
      hunk.step = step;
      splices.push(this._turn(hunk));
    }
    return splices;
  }

  /** Forgets hunks. */
  drop(hunks: readonly ILinesHunk[]): void {
    this.hunks = this.hunks.filter(hunk => !hunks.includes(hunk));
  }

  /** Whether a step of acceptance was undone or done again. */
  private _followHistory(text: string): boolean {
    const steps = new Set(this.hunks.map(({ step }) => step));
    steps.delete(0);
    if (steps.size === 0) {
      return false;
    }
    const lines = splitLines(this.text);
    const growth = text.length - this.text.length;
    for (const step of steps) {
      // While the person types hardly a step fits, which is told at little cost.
      if (Math.abs(this._growth(step, lines) - growth) > UNCOUNTED) {
        continue;
      }
      const turned = new TextHunks(
        this.text,
        this.hunks.map(hunk => ({ ...hunk }))
      );
      turned._isEnded = this._isEnded;
      if (turned._turnStep(step) && turned.text === text) {
        this.text = text;
        this.hunks.forEach((hunk, index) => {
          const { start, status } = turned.hunks[index];
          Object.assign(hunk, { start, status });
        });
        return true;
      }
    }
    return false;
  }

  /** By how many units the text grows when a step is turned, give or take `UNCOUNTED`. */
  private _growth(step: number, lines: readonly string[]): number {
    return sum(
      this.hunks
        .filter(hunk => hunk.step === step)
        .map(hunk => {
          const { start, eol, old, fresh, status } = hunk;
          const come = status === 'accepted' ? old : fresh;
          const gone = lines.slice(start, start + linesOf(hunk).length);
          return (
            sum(come.map(line => line.length + eol.length)) -
            sum(gone.map(line => line.length))
          );
        })
    );
  }

  /** Takes an acceptance back, or repeats one that was; false if it is not there. */
  private _turnStep(step: number): boolean {
    const members = this.hunks.filter(hunk => hunk.step === step);
    const { status } = members[0];
    return members.every(hunk => {
      const stands = hunk.status === status && this._stands(hunk);
      if (stands) {
        this._turn(hunk);
      }
      return stands;
    });
  }

  /** Replaces the old lines of a hunk by its fresh ones, or the other way round. */
  private _turn(hunk: ILinesHunk): ISplice {
    const [gone, come] =
      hunk.status === 'accepted'
        ? [hunk.fresh, hunk.old]
        : [hunk.old, hunk.fresh];
    const change: ILineChange = {
      start: hunk.start,
      end: hunk.start + gone.length,
      count: come.length
    };
    const splice = spliceOf(
      this.text,
      change.start,
      change.end,
      come,
      hunk.eol,
      this._isEnded
    );
    this.text = spliced(this.text, splice);
    const index = this.hunks.indexOf(hunk);
    // Of two at one place the order tells which one is moved.
    this.hunks.slice(index + 1).forEach(other => shift(other, change, true));
    hunk.status = hunk.status === 'accepted' ? 'pending' : 'accepted';
    return splice;
  }

  private _stands(hunk: ILinesHunk): boolean {
    const lines = linesOf(hunk);
    const now = bodies(this.text);
    return (
      hunk.start + lines.length <= now.length &&
      lines.every((line, index) => line === now[hunk.start + index])
    );
  }

  /** Whether the last line is ended, also while there is none. */
  private _isEnded: boolean;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** The lines of a hunk that are in the text. */
export function linesOf(hunk: ILinesHunk): readonly string[] {
  return hunk.status === 'accepted' ? hunk.fresh : hunk.old;
}

function touches(hunk: ILinesHunk, { start, end }: ILineChange): boolean {
  const hunkEnd = hunk.start + linesOf(hunk).length;
  return hunkEnd > start && hunk.start < end;
}

/** Moves a hunk that a change does not touch; `isBehind` if it is behind it for certain. */
function shift(
  hunk: ILinesHunk,
  { start, end, count }: ILineChange,
  isBehind = false
): void {
  const isBefore = hunk.start + linesOf(hunk).length <= start;
  if (isBehind || !isBefore) {
    hunk.start += count - (end - start);
  }
}
