import type { IJob, IJobListener } from '../client/jobs';
import type { DoneReason, Trigger } from '../client/protocol';
import {
  Generation,
  Generations,
  ICursor,
  isGrowing,
  keptOf,
  remainder
} from './generation';

/** Sends a request for one place; gives `null` if none is to be sent now. */
export interface IAsk {
  /** For a suggestion. */
  suggestion(listener: IJobListener): IJob | null;
  /** For what follows `text` once that is accepted. */
  following(text: string, listener: IJobListener): IJob | null;
  /** For other texts than `text`, each told as a whole. */
  alternatives(
    text: string,
    trigger: Trigger,
    listener: IJobListener
  ): IJob | null;
}

/** Milliseconds without a key until what follows is asked for. */
const REST_MS = 200;

/** Milliseconds a suggestion stands until alternatives are looked for. */
const STANDS_MS = 1000;

/** Ends after which the same question would have the same answer. */
const FINAL: ReadonlySet<DoneReason> = new Set([
  'stop',
  'length',
  'empty',
  'held'
]);

/** What is shown, where, and how to ask for more there. */
interface IShown {
  readonly generation: Generation;
  readonly cursor: ICursor;
  readonly ask: IAsk;
}

/**
 * Decides, at each key, whether an earlier answer still serves or a new request
 * is needed. At most one request runs; one that agrees with what is typed is
 * never given up, for its work would only be done again.
 */
export class Suggester {
  /** @param onAlternative - hears of each alternative to what is shown */
  constructor(
    private readonly onAlternative: (found: Generation) => void = () => {}
  ) {}

  /** Milliseconds to wait for another key before a request. */
  debounce = 0;

  /** Whether the last request found no engine to answer it. */
  get wasUnavailable(): boolean {
    return this._lastReason === 'unavailable';
  }

  /**
   * Finds a suggestion for `cursor`. An earlier call that still waits gives up.
   *
   * @param cursor - where the cursor stands now
   * @param ask - sends a request for this place, if one is needed
   * @param again - whether to ask even where there was nothing to suggest
   * @returns a generation that has text to show there and may yet grow, or
   * `null` if there is nothing to show or a later call has taken over
   */
  async serve(
    cursor: ICursor,
    ask: IAsk,
    again = false
  ): Promise<Generation | null> {
    const turn = this._takeTurn();
    this._settle(cursor);
    let asked: Generation | null = null;
    while (turn === this._turn) {
      const found = this._generations.find(cursor);
      const isStale = again && !asked && found?.generation.done && !found.rest;
      if (found && !isStale) {
        if (found.generation !== this._running?.generation) {
          this._cancel();
        }
        if (found.rest) {
          this._shown = { generation: found.generation, cursor, ask };
          this._lookAhead(this._shown);
          return found.generation;
        }
        if (!isGrowing(found.generation, cursor)) {
          return null;
        }
        await found.generation.changed();
      } else if (asked) {
        return null;
      } else if (this.debounce > 0) {
        this._cancel();
        await new Promise(resolve => setTimeout(resolve, this.debounce));
        asked = turn === this._turn ? this._start(cursor, ask) : null;
      } else {
        asked = this._start(cursor, ask);
      }
    }
    return null;
  }

  /** Knows from now on that `text` is suggested at `cursor`. */
  adopt(cursor: ICursor, text: string): void {
    const generation = new Generation(cursor);
    generation.append(text);
    generation.finish();
    this._generations.add(generation);
  }

  /** The person accepted what now stands before `cursor`. */
  noteAccepted(cursor: ICursor): void {
    this._generations.noteAccepted(cursor);
  }

  /** Gives up: the cursor is elsewhere or nothing is wanted any more. */
  stop(): void {
    this._takeTurn();
    this._cancel();
  }

  /** Gives up, and does not show the last suggestion or its alternatives again. */
  dismiss(): void {
    this.stop();
    if (this._shown) {
      this._shown.generation.group.members.forEach(member =>
        this._generations.remove(member)
      );
      this._tell(this._shown.generation, 0);
    }
  }

  /** The person looks at `generation` now, out of the group that is shown. */
  choose(generation: Generation): void {
    if (this._shown && this._shown.generation !== generation) {
      this._generations.prefer(generation);
      this._shown = { ...this._shown, generation };
      if (!this._search) {
        clearTimeout(this._timer);
        this._lookAhead(this._shown);
      }
    }
  }

  /**
   * Looks for alternatives to what is shown, unless there are some or this place
   * was searched. The next key ends it.
   */
  findAlternatives(trigger: Trigger): void {
    if (!this._shown || this._search) {
      return;
    }
    const { generation, cursor, ask } = this._shown;
    const { group } = generation;
    const text = remainder(generation, cursor);
    if (
      !text ||
      isGrowing(generation, cursor) ||
      group.searchedAt === cursor.head ||
      generation.choices(cursor).length > 1
    ) {
      return;
    }
    clearTimeout(this._timer);
    this._cancel();
    let isOver = false;
    const job = ask.alternatives(text, trigger, {
      text: other => {
        const found = generation.addAlternative(cursor, other);
        this._generations.addBehind(generation, found);
        this.onAlternative(found);
      },
      done: ({ reason }) => {
        isOver = true;
        this._search = null;
        if (FINAL.has(reason)) {
          group.searchedAt = cursor.head;
        }
      }
    });
    this._search = isOver ? null : job;
  }

  /** Forgets earlier answers: what they were made for has changed. */
  forget(): void {
    this._generations.clear();
  }

  /** After a rest, asks for what follows the suggestion at `cursor`. */
  private _lookAhead(shown: IShown): void {
    const { generation, cursor, ask } = shown;
    const turn = this._turn;
    this._timer = setTimeout(() => {
      if (!generation.done) {
        this._lookAhead(shown);
        return;
      }
      const typed = cursor.head.length - generation.origin.head.length;
      const isKnown = generation.isPrepared && typed < generation.text.length;
      const text = remainder(generation, cursor);
      // With text right of the cursor it would be said in the middle of a line.
      const isAtLineEnd = !cursor.tail.split('\n', 1)[0].trim();
      if (this._running || !text || isKnown || !isAtLineEnd) {
        this._searchLater();
        return;
      }
      generation.prepare();
      const job = ask.following(text, {
        text: addition => generation.appendNext(addition),
        done: ({ reason }) => {
          if (this._running?.generation === generation) {
            this._running = null;
          }
          generation.finishNext(FINAL.has(reason));
          if (turn === this._turn) {
            this._searchLater();
          }
        }
      });
      if (!job) {
        generation.finishNext(false);
      } else if (generation.isPreparing) {
        this._running = { generation, job };
      }
    }, REST_MS);
  }

  /** Tells what became of the suggestion that was shown, once that is certain. */
  private _settle(cursor: ICursor): void {
    const shown = this._shown?.generation;
    const kept = shown && keptOf(shown, cursor);
    if (shown && typeof kept === 'number') {
      this._tell(shown, kept);
    }
  }

  private _tell(generation: Generation, kept: number): void {
    this._jobs.get(generation)?.settle(kept);
    this._jobs.delete(generation);
  }

  private _searchLater(): void {
    clearTimeout(this._timer);
    this._timer = setTimeout(() => this.findAlternatives('auto'), STANDS_MS);
  }

  private _takeTurn(): number {
    clearTimeout(this._timer);
    this._search?.cancel();
    this._running?.generation.poke();
    return ++this._turn;
  }

  private _cancel(): void {
    this._running?.job.cancel();
    this._running = null;
  }

  private _start(cursor: ICursor, ask: IAsk): Generation {
    const previous = this._running;
    this._running = null;
    const generation = new Generation(cursor);
    this._generations.add(generation);
    const job = ask.suggestion({
      text: (addition, isBlock) => generation.append(addition, isBlock),
      done: ({ reason }) => this._finish(generation, reason)
    });
    // The server drops a document's request for its next one by itself, so a
    // key in the same cell costs one message and not two.
    if (job && previous?.generation.origin.cell === cursor.cell) {
      previous.job.supersede();
    } else {
      previous?.job.cancel();
    }
    if (job) {
      this._jobs.set(generation, job);
    }
    if (!job) {
      this._finish(generation, 'failed');
    } else if (!generation.done) {
      this._running = { generation, job };
    }
    return generation;
  }

  private _finish(generation: Generation, reason: DoneReason): void {
    this._lastReason = reason;
    if (this._running?.generation === generation) {
      this._running = null;
    }
    if (generation.text === '' && !FINAL.has(reason)) {
      this._generations.remove(generation);
    }
    if (reason === 'held') {
      generation.withdraw();
    } else {
      generation.finish();
    }
  }

  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _turn = 0;
  private _running: { generation: Generation; job: IJob } | null = null;
  private _search: IJob | null = null;
  private _shown: IShown | null = null;
  private _lastReason: DoneReason | null = null;
  private readonly _generations = new Generations();
  /** The requests whose outcome has not been told. */
  private readonly _jobs = new WeakMap<Generation, IJob>();
}
