import { ISignal, Signal } from '@lumino/signaling';
import type { Edits, IEditJob, Wish } from '../client/edits';
import type { IDone, IProgress } from '../client/protocol';
import type { IWaiting } from './deco';
import { Hunk, isSafe } from './hunk';
import { bodies, lineHunks } from './lines';
import type { Review } from './review';
import type { IScope } from './scope';
import { progressText, Translate } from './texts';

/** An edit that is asked for. */
export interface IRequest {
  readonly scope: IScope;
  readonly wish: Wish;
  /** What a person calls it: their instruction, or an action's title. */
  readonly title: string;
  /** Cells to run once it is accepted, besides those it changes. */
  readonly rerun: readonly string[];
}

/**
 * The edits of one document: the one that is asked for, and the review of what
 * came. All views of the document share it.
 */
export class Session {
  /**
   * @param place - makes the server's copy of these cells current and says what
   *   it is; `null` if the server cannot be told now
   * @param whyOff - says why there may be no edit; '' if there may
   */
  constructor(
    readonly review: Review,
    private readonly edits: Edits,
    private readonly place: (
      ids: readonly string[]
    ) => { readonly doc: string; readonly rev: number } | null,
    private readonly whyOff: () => string,
    private readonly trans: Translate
  ) {
    review.changed.connect(() => {
      if (this._isOfHunks && this._newHunks.length === 0) {
        this._message = '';
      }
      this._changed.emit();
    });
  }

  /** Emitted when the review or the running edit changes. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Emitted with sentences that a person who does not see the page should hear. */
  get said(): ISignal<this, string> {
    return this._said;
  }

  /** The last edit that was asked for, `null` if none was. */
  get request(): IRequest | null {
    return this._request;
  }

  /** Whether an edit is being made. */
  get isRunning(): boolean {
    return this._job !== null;
  }

  /** Whether hunks of the last edit wait. */
  get hasNew(): boolean {
    return this._newHunks.length > 0;
  }

  /** What the running edit is doing, or why nothing came of the last; may be ''. */
  get status(): string {
    return this._job ? progressText(this._progress, this.trans) : this._message;
  }

  /** Says to the server that an edit of this is about to be described. */
  prepare({ ids, start, end }: IScope): void {
    const place = this.whyOff() ? null : this.place(ids);
    if (place) {
      this.edits.prepare({ ...place, cells: ids, start, end });
    }
  }

  /** Whether there may be no edit, which is then said. */
  refuses(): boolean {
    const why = this.whyOff();
    if (why) {
      this._fail(this.trans.__('No edit: %1.', why));
    }
    return why !== '';
  }

  /** Asks for an edit; a running one ends. */
  ask(request: IRequest): void {
    this.cancel();
    if (this.refuses()) {
      return;
    }
    const { ids, start, end } = request.scope;
    this._request = request;
    this._progress = null;
    this._isOfHunks = false;
    const place = this.place(ids);
    if (!place) {
      this._fail(
        this.trans.__(
          'The server cannot be reached, or the document is too large.'
        )
      );
      return;
    }
    this.review.begin(ids);
    this._before = new Set(this.review.pending);
    let isOver = false;
    const job = this.edits.start(
      { ...place, cells: ids, start, end },
      request.wish,
      {
        progress: progress => {
          const { phase, place } = this._progress ?? {};
          const isNews = progress.phase !== phase || progress.place !== place;
          this._progress = progress;
          if (isNews) {
            this._said.emit(progressText(progress, this.trans));
          }
          this._changed.emit();
        },
        hunks: (hunks, isFinal) => this.review.receive(hunks, isFinal),
        done: done => {
          isOver = true;
          this._job = null;
          this._end(done.reason, done.why, done.by);
        }
      }
    );
    if (!isOver) {
      this._job = job;
      this._said.emit(this.trans.__('Asked: %1', request.title));
      this._changed.emit();
    }
  }

  /** Lets what turns the text of a cell into `text` wait; a running edit ends. */
  compare(id: string, text: string): void {
    this.cancel();
    this._request = null;
    const before = this.review.target.textOf(id) ?? '';
    this.review.begin([id]);
    this._before = new Set(this.review.pending);
    this.review.receive(lineHunks(id, before, text), true);
    this._end('stop', '');
  }

  /** Ends the running edit, and the engine's work on it; what was said of one goes. */
  cancel(): void {
    this._job?.cancel();
    this._message = '';
    this._changed.emit();
  }

  /** Turns down all that waits. */
  close(): void {
    this.cancel();
    this.review.close();
  }

  /** The lines of a cell that the running edit may still change; `null` if none. */
  waitingIn(id: string): IWaiting | null {
    const scope = this._request?.scope;
    const index = scope?.ids.indexOf(id) ?? -1;
    if (!this._job || !scope || index < 0) {
      return null;
    }
    const settled = this._progress?.cell ?? '';
    const at = scope.ids.indexOf(settled);
    const first = Math.max(
      scope.start ?? 0,
      id === settled ? this._progress!.line : 0
    );
    const text = this.review.target.textOf(id) ?? '';
    const end =
      scope.end === undefined
        ? bodies(text).length
        : this.review.lineNow(id, scope.end);
    const start = this.review.lineNow(id, first);
    return index < at || start === null || end === null || start >= end
      ? null
      : { start, end };
  }

  /** The hunks that wait and did not before the last edit. */
  private get _newHunks(): readonly Hunk[] {
    return this.review.pending.filter(hunk => !this._before.has(hunk));
  }

  private _end(reason: IDone['reason'], said: string, by = ''): void {
    const { trans } = this;
    const why = said.charAt(0).toUpperCase() + said.slice(1);
    this.review.end();
    const fresh = this._newHunks;
    if (fresh.length > 0) {
      const doubtful = fresh.filter(hunk => !isSafe(hunk)).length;
      const ready = trans._n(
        '%1 change ready',
        '%1 changes ready',
        fresh.length
      );
      const signed = by && trans.__('Written by %1', by);
      this._message = [why, signed].filter(Boolean).join('. ');
      this._isOfHunks = true;
      this._said.emit(
        [
          ready,
          doubtful && trans._n('%1 needs a look', '%1 need a look', doubtful),
          this._message
        ]
          .filter(Boolean)
          .join('. ')
      );
      this._changed.emit();
    } else {
      const isGivenUp = reason === 'cancelled' || reason === 'superseded';
      const nothing = isGivenUp
        ? trans.__('Cancelled.')
        : trans.__('Nothing to change was found.');
      this._fail(why || nothing);
    }
  }

  private _fail(message: string): void {
    this._message = message;
    this._said.emit(message);
    this._changed.emit();
  }

  private _request: IRequest | null = null;
  private _job: IEditJob | null = null;
  private _progress: IProgress | null = null;
  private _message = '';
  /** What waited when the last edit began. */
  private _before: ReadonlySet<Hunk> = new Set();
  /** Whether the message is about hunks, and goes with them. */
  private _isOfHunks = false;
  private readonly _changed = new Signal<this, void>(this);
  private readonly _said = new Signal<this, string>(this);
}
