import { UUID } from '@lumino/coreutils';
import { ISignal, Signal } from '@lumino/signaling';
import { clean } from '../client/clean';
import type { IHunk } from '../client/protocol';
import { CellHunks } from './cellhunks';
import { Hunk, ICellHunk, ILinesHunk } from './hunk';
import { bodies, endAt, headOf, splitLines } from './lines';
import { LineMap } from './linemap';
import type { ITarget } from './target';
import { TextHunks } from './texthunks';

/** What a review holds, to be taken up when its document is opened again: plain data. */
export interface ISavedReview {
  readonly texts: readonly ISavedText[];
  readonly cells: readonly ICellHunk[];
}

/** A text as it was, and what waits or was accepted there. */
interface ISavedText {
  readonly id: string;
  readonly text: string;
  readonly hunks: readonly ILinesHunk[];
}

/**
 * The changes of one document that wait for a person. They stand beside it: the
 * document changes only by acceptance. All views of it share one review.
 */
export class Review {
  constructor(readonly target: ITarget) {
    this._cells = new CellHunks(target);
    target.changed.connect((_, id) => this._follow(id));
  }

  /** Emitted when any hunk comes, goes or moves, or another one is the current. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** The hunks that wait, in the order of the document; without those of absent cells. */
  get pending(): readonly Hunk[] {
    return ['', ...this.target.ids].flatMap(id => this.pendingIn(id));
  }

  /** The hunks that wait in one cell and behind it; '' is the top of the document. */
  pendingIn(id: string): readonly Hunk[] {
    const lines = this._texts.get(id)?.hunks ?? [];
    const { own, behind } = this._cells.at(id);
    return [...own, ...lines, ...behind].filter(
      hunk => hunk.status === 'pending'
    );
  }

  /** How many hunks were dropped because the document changed where they were to go. */
  get lost(): number {
    return this._lost;
  }

  /** Where line `line` of a text that is being edited is now; `null` if that is not known. */
  lineNow(id: string, line: number): number | null {
    return this._bases.get(id)?.map.find(line, line) ?? null;
  }

  /** The hunk that the keys are about: the first, unless the person went to another. */
  get current(): Hunk | null {
    const { pending } = this;
    return pending.find(hunk => hunk === this._current) ?? pending[0] ?? null;
  }

  set current(hunk: Hunk | null) {
    if (hunk !== this._current) {
      this._current = hunk;
      this._changed.emit();
    }
  }

  /** An edit of these cells, as they are, was asked for: what waits in them is put aside. */
  begin(ids: readonly string[]): void {
    this._lost = 0;
    this._bases.clear();
    this._known.clear();
    const isTop = ids.includes(this.target.ids[0]);
    this._cells.drop(
      ({ cell }) => ids.includes(cell) || (isTop && cell === '')
    );
    for (const id of ids) {
      this._texts.delete(id);
      const text = this.target.textOf(id);
      if (text !== null) {
        this._bases.set(id, { text, map: new LineMap(text) });
        bodies(text).forEach(line => this._known.add(line));
      }
    }
    this._changed.emit();
  }

  /** Takes up hunks of the edit that was begun; final ones stand for those before. */
  receive(hunks: readonly IHunk[], isFinal: boolean): void {
    if (isFinal) {
      this._dropProvisional();
    }
    for (const hunk of hunks.map(hunk => this._asFits(this._cleaned(hunk)))) {
      const isKnown =
        hunk.kind === 'lines'
          ? this._takeLines(hunk, !isFinal)
          : this._takeCell(hunk, !isFinal);
      this._lost += isKnown ? 0 : 1;
    }
    if (isFinal) {
      this._bases.clear();
    }
    this._changed.emit();
  }

  /** The edit has ended: what is not certain is dropped. */
  end(): void {
    this._bases.clear();
    this._dropProvisional();
    this._changed.emit();
  }

  /** Puts hunks into the document, in one step for each history. */
  accept(hunks: readonly Hunk[]): void {
    const chosen = hunks.filter(
      hunk => hunk.status === 'pending' && !hunk.isProvisional
    );
    const next = this._behind(chosen);
    const step = ++this._steps;
    const isLines = (hunk: Hunk): hunk is ILinesHunk => hunk.kind === 'lines';
    const lines = chosen.filter(isLines);
    const ids = [...new Set(lines.map(({ cell }) => cell))];
    const cells = chosen.filter((hunk): hunk is ICellHunk => !isLines(hunk));
    this.target.asOneStep(ids, () => {
      for (const id of ids) {
        const text = this._texts.get(id)!;
        text.follow(this.target.textOf(id) ?? '');
        const own = lines.filter(({ cell }) => cell === id);
        if (this.target.canChange(id)) {
          this.target.splice(id, text.accept(own, step));
        } else {
          own.forEach(hunk => (hunk.status = 'lost'));
          text.drop(own);
        }
      }
      this._cells.accept(cells);
    });
    this._lost += chosen.filter(({ status }) => status === 'lost').length;
    this._current = next;
    this._changed.emit();
  }

  /** Makes a doubtful hunk one that takes nothing away; returns that, which waits in its place. */
  keeping(hunk: ILinesHunk): ILinesHunk {
    const { other, ...same } = hunk;
    const text = this._texts.get(hunk.cell);
    if (!text || !other) {
      return hunk;
    }
    const kept = { ...same, fresh: other };
    text.hunks = text.hunks.map(known => (known === hunk ? kept : known));
    return kept;
  }

  /** Turns hunks down; the document stays as it is. */
  reject(hunks: readonly Hunk[]): void {
    const next = this._behind(hunks);
    hunks.forEach(hunk => (hunk.status = 'rejected'));
    this._drop(({ status }) => status === 'rejected');
    this._current = next;
    this._changed.emit();
  }

  /** Turns down what waits, and forgets what was accepted. */
  close(): void {
    this._texts.clear();
    this._bases.clear();
    this._cells.drop(() => true);
    this._current = null;
    this._lost = 0;
    this._changed.emit();
  }

  /** What is to be kept while the document is closed; `null` if nothing waits. */
  save(): ISavedReview | null {
    const settled = <T extends Hunk>(hunks: readonly T[]) =>
      hunks.filter(hunk => !hunk.isProvisional).map(hunk => ({ ...hunk }));
    return this.pending.some(hunk => !hunk.isProvisional)
      ? {
          texts: [...this._texts].map(([id, { text, hunks }]) => ({
            id,
            text,
            hunks: settled(hunks)
          })),
          cells: settled(this._cells.all)
        }
      : null;
  }

  /** Takes up what was kept, as far as the document still fits. */
  resume({ texts, cells }: ISavedReview): void {
    const { target } = this;
    const isFree = (id: string) => !texts.some(known => known.id === id);
    for (const { id, text, hunks } of texts) {
      // Ids of cells in older notebooks are made anew at each opening.
      const same = target.ids.includes(id)
        ? id
        : target.ids.find(
            other =>
              isFree(other) &&
              !this._texts.has(other) &&
              target.textOf(other) === text
          );
      if (same === undefined) {
        this._lost += hunks.filter(h => h.status === 'pending').length;
      } else {
        const own = hunks.map(hunk => ({ ...hunk, cell: same }));
        this._steps = Math.max(this._steps, ...own.map(({ step }) => step));
        this._texts.set(same, new TextHunks(text, own));
        this._follow(same);
      }
    }
    this._cells.add(cells);
    this._follow(null);
  }

  /** The text of a cell has changed, or, of `null`, the list of cells. */
  private _follow(id: string | null): void {
    for (const [known, text] of this._texts) {
      const now = this.target.textOf(known);
      if ((id === null || id === known) && now !== null) {
        this._lost += text.follow(now);
      }
    }
    for (const [known, { map }] of this._bases) {
      const now = this.target.textOf(known);
      if (now !== null) {
        map.follow(now);
      }
    }
    this._lost += this._cells.follow();
    // A document is edited far more often than it is reviewed.
    if (this._texts.size + this._bases.size + this._cells.all.length > 0) {
      this._changed.emit();
    }
  }

  /**
   * A hunk without what a model might hide in its lines. Lines that stand in the
   * texts already come back as they are.
   */
  private _cleaned(hunk: IHunk): IHunk {
    const cleaned = (line: string) =>
      this._known.has(line) ? line : clean(line);
    return {
      ...hunk,
      new: hunk.new.map(cleaned),
      other: hunk.other?.map(cleaned)
    };
  }

  /** What is a new cell in a notebook is new lines at the end of a file. */
  private _asFits(hunk: IHunk): IHunk {
    const base = this._bases.get(hunk.cell);
    if (this.target.list || hunk.kind !== 'insert' || !base) {
      return hunk;
    }
    const { length } = bodies(base.text);
    const lines = length > 0 ? ['', ...hunk.new] : hunk.new;
    return { ...hunk, kind: 'lines', start: length, end: length, new: lines };
  }

  /** Takes up lines of an answer; false if the document changed there. */
  private _takeLines(hunk: IHunk, isProvisional: boolean): boolean {
    const { cell, label, reasons } = hunk;
    const text = this.target.textOf(cell);
    const base = this._bases.get(cell);
    if (text === null || !base) {
      return false;
    }
    // To the server an empty text has one blank line; it has none to replace.
    const { length } = bodies(base.text);
    const isChanged = length === 0 && text !== base.text;
    const [start, end] = length > 0 ? [hunk.start, hunk.end] : [0, 0];
    const at = isChanged ? null : base.map.find(start, end);
    if (at === null) {
      return false;
    }
    const hunks = this._texts.get(cell) ?? new TextHunks(text);
    this._texts.set(cell, hunks);
    hunks.hunks.push({
      kind: 'lines',
      cell,
      label,
      reasons,
      isProvisional,
      status: 'pending',
      step: 0,
      old: bodies(text).slice(at, at + end - start),
      fresh: hunk.new,
      other: hunk.other,
      eol: endAt(splitLines(text), at),
      start: at
    });
    return true;
  }

  /** Takes up what is to become of a cell; false if it is gone or another now. */
  private _takeCell(hunk: IHunk, isProvisional: boolean): boolean {
    const { cell, kind, label, reasons, type, after } = hunk;
    const now = this.target.textOf(cell);
    const isThere = cell === '' ? kind === 'insert' : now !== null;
    const isChanged =
      kind === 'remove' && now !== (this._bases.get(cell)?.text ?? now);
    if (kind === 'lines' || !this.target.list || !isThere || isChanged) {
      return false;
    }
    this._cells.add([
      {
        kind,
        cell,
        label,
        reasons,
        isProvisional,
        status: 'pending',
        step: 0,
        type,
        text: kind === 'insert' ? hunk.new.join('\n') : (now ?? ''),
        made: UUID.uuid4(),
        after,
        afterHead: headOf(this.target.textOf(after) ?? ''),
        before: []
      }
    ]);
    return true;
  }

  private _dropProvisional(): void {
    this._drop(({ isProvisional }) => isProvisional);
  }

  private _drop(isGone: (hunk: Hunk) => boolean): void {
    for (const text of this._texts.values()) {
      text.drop(text.hunks.filter(isGone));
    }
    this._cells.drop(isGone);
  }

  /** The hunk to go on with when these are decided upon. */
  private _behind(hunks: readonly Hunk[]): Hunk | null {
    const { pending } = this;
    const last = pending.lastIndexOf(hunks[hunks.length - 1]);
    const others = [...pending.slice(last + 1), ...pending.slice(0, last + 1)];
    return others.find(hunk => !hunks.includes(hunk)) ?? null;
  }

  private readonly _texts = new Map<string, TextHunks>();
  private readonly _cells: CellHunks;
  /** The texts of a running edit, as they were when it was asked for. */
  private readonly _bases = new Map<string, { text: string; map: LineMap }>();
  /** The lines of all these texts. */
  private readonly _known = new Set<string>();
  private _current: Hunk | null = null;
  private _lost = 0;
  private _steps = 0;
  private readonly _changed = new Signal<this, void>(this);
}
