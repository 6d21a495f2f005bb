/**
 * Suggestions as they grow, and which of them still fits what is typed. Pure:
 * neither the editor nor the network is known here.
 */

/** Where a cursor stands: which cell, and the text on both sides. */
export interface ICursor {
  /** Names the cell among all documents. */
  readonly cell: string;
  /** The cell's text before the cursor. */
  readonly head: string;
  /** The cell's text behind the cursor. */
  readonly tail: string;
}

/** A suggestion and its alternatives. */
export interface IGroup {
  /** In the order in which they came. */
  readonly members: Generation[];
  /** The text before the cursor where alternatives were looked for last. */
  searchedAt: string | null;
}

/**
 * One answer of the model, complete or growing; and what follows once all of
 * it is accepted, as far as that has been asked for.
 */
export class Generation {
  /**
   * @param origin - where it was asked for
   * @param group - that of the suggestion to which it is an alternative
   */
  constructor(
    readonly origin: ICursor,
    readonly group: IGroup = { members: [], searchedAt: null }
  ) {
    group.members.push(this);
  }

  /** The whole text so far, from the origin on. */
  get text(): string {
    return this._text;
  }

  /** Whether no more text will come. */
  get done(): boolean {
    return this._done;
  }

  /** What follows the text, not shown before the text is accepted. */
  get next(): string {
    return this._next;
  }

  /** Whether what follows was asked for, and not in vain. */
  get isPrepared(): boolean {
    return this._isPrepared;
  }

  /** Whether what follows is being written. */
  get isPreparing(): boolean {
    return this._isPreparing;
  }

  /** Whether all that follows is known: to ask again would tell no more. */
  get isNextKnown(): boolean {
    return this._isNextKnown;
  }

  /** What follows is asked for; what was known of it becomes text. */
  prepare(): void {
    this._text += this._next;
    this._next = '';
    this._isPrepared = this._isPreparing = true;
    this._isNextKnown = false;
  }

  /** More of what follows has come. */
  appendNext(addition: string): void {
    this._next += addition;
    this._wake();
  }

  /**
   * No more of what follows will come; `isKnown`: for there is no more. Where
   * nothing came of it, it may be asked for again.
   */
  finishNext(isKnown: boolean): void {
    this._isPreparing = false;
    this._isPrepared = isKnown || this._next !== '';
    this._isNextKnown = isKnown;
    this._wake();
  }

  /** Whether it is known to have several lines. */
  get isBlock(): boolean {
    return this._isBlock;
  }

  /** More text has come; `isBlock` says that there are several lines. */
  append(addition: string, isBlock = false): void {
    this._text += addition;
    this._isBlock = isBlock;
    this._wake();
  }

  /** No more text will come. */
  finish(): void {
    this._done = true;
    this._wake();
  }

  /** What was shown is not worth showing, and no more text will come. */
  withdraw(): void {
    this._text = '';
    this._withdrawn = true;
    this.finish();
  }

  /** Whether its text was taken back. */
  get withdrawn(): boolean {
    return this._withdrawn;
  }

  /**
   * Adds a whole text to the group of this one.
   *
   * @param origin - where it could stand in the place of this one
   */
  addAlternative(origin: ICursor, text: string): Generation {
    const other = new Generation(origin, this.group);
    other._text = text;
    other._done = true;
    return other;
  }

  /** Itself and what the person may choose instead at `cursor`, in a circle. */
  choices(cursor: ICursor): Generation[] {
    const { members } = this.group;
    const own = members.indexOf(this);
    return [...members.slice(own), ...members.slice(0, own)].filter(
      member => member === this || remainder(member, cursor)
    );
  }

  /** How many of its characters the person has accepted at once. */
  accepted = 0;

  /** Resolves at the next `append`, `finish` or `poke`. */
  changed(): Promise<void> {
    return new Promise(resolve => this._waiting.push(resolve));
  }

  /** Wakes those who wait although nothing changed, so that they can give up. */
  poke(): void {
    this._wake();
  }

  private _wake(): void {
    this._waiting.splice(0).forEach(resolve => resolve());
  }

  private _text = '';
  private _next = '';
  private _isPrepared = false;
  private _isPreparing = false;
  private _isNextKnown = false;
  private _isBlock = false;
  private _done = false;
  private _withdrawn = false;
  private readonly _waiting: (() => void)[] = [];
}

/** What editors insert by themselves behind opening brackets and quotes. */
const CLOSERS = /^[)\]}"'`]+$/;

const OPENER: { [closer: string]: string } = { ')': '(', ']': '[', '}': '{' };

/** What one key inserts: a character, or a newline with its indentation. */
const ONE_KEY = /^(\n[ \t]*|.)$/u;

/** `rest` up to what is already behind the cursor, if it has it. */
function beforeClosers(rest: string, closers: string): string {
  const last = closers[0];
  let depth = 0;
  for (let index = 0; index < rest.length; index++) {
    if (rest[index] === OPENER[last]) {
      depth++;
    } else if (rest[index] === last && depth-- === 0) {
      return rest.slice(0, index);
    }
  }
  return rest;
}

/**
 * What `generation` still suggests at `cursor`.
 *
 * It fits if what was typed since it was asked for begins as it does. Typing may
 * be one key ahead of a growing text; further ahead, an answer for what has been
 * typed by now is worth more than the hope that this one agrees. Closing brackets and quotes
 * that the editor put behind the cursor are no contradiction, and are not
 * suggested twice.
 *
 * @returns the text to show, '' if there is none so far, `null` if it does not fit
 */
export function remainder(
  generation: Generation,
  cursor: ICursor
): string | null {
  const { origin, text } = generation;
  if (origin.cell !== cursor.cell || !cursor.head.startsWith(origin.head)) {
    return null;
  }
  let closers = '';
  if (cursor.tail !== origin.tail) {
    const added = cursor.tail.length - origin.tail.length;
    closers = cursor.tail.slice(0, Math.max(0, added));
    if (!CLOSERS.test(closers) || !cursor.tail.endsWith(origin.tail)) {
      return null;
    }
  }
  const typed = cursor.head.slice(origin.head.length);
  const whole = text + generation.next;
  const grows = isGrowing(generation, cursor);
  if (!whole.startsWith(typed)) {
    const ahead = typed.startsWith(whole) ? typed.slice(whole.length) : null;
    return grows && ahead !== null && ONE_KEY.test(ahead) ? '' : null;
  }
  const end = typed.length < text.length ? text.length : whole.length;
  const rest = whole.slice(typed.length, end);
  const isNothing = generation.isNextKnown && generation.next === '';
  if (rest === '' && !grows && typed !== '' && !isNothing) {
    // Typed to its end: nothing is left, so something new should be asked for.
    return null;
  }
  return closers ? beforeClosers(rest, closers) : rest;
}

/**
 * How many code points of the text of `generation` stand before `cursor`, once
 * that is certain: all of them, or something else was typed. Else `null`.
 */
export function keptOf(generation: Generation, cursor: ICursor): number | null {
  const { origin, text, done } = generation;
  if (origin.cell !== cursor.cell || !cursor.head.startsWith(origin.head)) {
    return null;
  }
  const typed = [...cursor.head.slice(origin.head.length)];
  const whole = [...text];
  const differing = typed.findIndex((character, n) => character !== whole[n]);
  const kept = differing < 0 ? typed.length : differing;
  const isWhole = kept === whole.length;
  return isWhole ? (done ? kept : null) : differing < 0 ? null : kept;
}

/** Whether more of what `generation` suggests at `cursor` is being written. */
export function isGrowing(generation: Generation, cursor: ICursor): boolean {
  const typed = cursor.head.length - generation.origin.head.length;
  return generation.done && typed >= generation.text.length
    ? generation.isPreparing
    : !generation.done;
}

/** Suggestions kept for a person who goes back: enough for a line or two. */
const KEPT = 16;

/** The last suggestions, so that going back to one costs no request. */
export class Generations {
  /**
   * The latest suggestion that fits `cursor`, with what it suggests there. What
   * was accepted and deleted again is not wanted.
   */
  find(cursor: ICursor): { generation: Generation; rest: string } | null {
    for (const generation of this._kept) {
      const rest = remainder(generation, cursor);
      if (rest !== null) {
        const typed = cursor.head.length - generation.origin.head.length;
        if (typed >= generation.accepted) {
          return { generation, rest };
        }
        this.remove(generation);
      }
    }
    return null;
  }

  /** The person accepted what now stands before `cursor`, whoever suggested it. */
  noteAccepted(cursor: ICursor): void {
    for (const generation of this._kept) {
      const { origin, text, next } = generation;
      const typed = cursor.head.slice(origin.head.length);
      if (
        origin.cell === cursor.cell &&
        cursor.head.startsWith(origin.head) &&
        (text + next).startsWith(typed)
      ) {
        generation.accepted = typed.length;
      }
    }
  }

  /** Keeps a suggestion as the latest, and drops the oldest. */
  add(generation: Generation): void {
    this._kept.unshift(generation);
    this._kept.length = Math.min(KEPT, this._kept.length);
  }

  /** Keeps an alternative to `generation`, behind it. */
  addBehind(generation: Generation, alternative: Generation): void {
    const index = this._kept.indexOf(generation);
    if (index >= 0) {
      this._kept.splice(index + 1, 0, alternative);
    }
  }

  /** From now on `generation` is the latest. */
  prefer(generation: Generation): void {
    this.remove(generation);
    this.add(generation);
  }

  /** Forgets one, so that it is not shown again. */
  remove(generation: Generation): void {
    this._kept = this._kept.filter(kept => kept !== generation);
  }

  /** Forgets all: what they were made for has changed. */
  clear(): void {
    this._kept = [];
  }

  private _kept: Generation[] = [];
}
