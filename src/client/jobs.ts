import { clean } from './clean';
import { RequestLog } from './log';
import type {
  FromBrowser,
  FromServer,
  IComplete,
  IDone,
  INext,
  IOutcome,
  Trigger
} from './protocol';
import type { Socket } from './socket';

/** A cursor, as the server knows it. */
export type Place = Pick<IComplete, 'doc' | 'rev' | 'cell' | 'offset'>;

/** Hears what becomes of one request. */
export interface IJobListener {
  /**
   * More text, behind what came before, and whether it is of several lines; of
   * alternatives, the whole of one.
   */
  text(addition: string, isBlock: boolean): void;
  /** The end; nothing follows. */
  done(done: IDone): void;
}

/** A request that can be given up. */
export interface IJob {
  /** Ends it, telling the server; does nothing once it has ended. */
  cancel(): void;
  /**
   * Stops listening without a word to the server: a new request for the same
   * document supersedes this one there.
   */
  supersede(): void;
  /**
   * Notes that the first `kept` code points of its text stand in the document,
   * and no more will. The server is told with the next request.
   */
  settle(kept: number): void;
}

/** Starts requests for suggestions and hands each its answer. */
export class Jobs {
  constructor(
    private readonly socket: Socket,
    private readonly log: RequestLog
  ) {
    socket.message.connect((_, message) => this._onMessage(message));
    socket.stateChanged.connect((_, state) => {
      if (state !== 'open') {
        const why = 'The connection to the server was lost.';
        [...this._running.keys()].forEach(id => this._fail(id, why));
      }
    });
  }

  /** Whether any request is unanswered. */
  get isBusy(): boolean {
    return this._running.size > 0;
  }

  /**
   * Asks for a suggestion. The listener is always told an end, if not
   * superseded; it may be told so before this returns.
   */
  start(at: Place, trigger: Trigger, listener: IJobListener): IJob {
    const id = this.socket.nextId();
    const asked = performance.now();
    const note = this.log.start(trigger);
    let hasText = false;
    this._running.set(id, {
      text: (addition, isBlock) => {
        if (!hasText) {
          hasText = true;
          note({ firstMs: performance.now() - asked });
        }
        listener.text(addition, isBlock);
      },
      done: done => {
        note({ result: done.reason, why: done.why, counts: done.counts });
        listener.done(done);
      }
    });
    const message = { type: 'complete' as const, id, ...at, trigger };
    const outcomes = this._outcomes.splice(0);
    return this._send(outcomes.length ? { ...message, outcomes } : message);
  }

  /**
   * Asks for what follows once `text` is accepted at this place. Nothing waits
   * for it, and the log does not tell of it.
   */
  ahead(at: Place, text: string, listener: IJobListener): IJob {
    const id = this.socket.nextId();
    this._running.set(id, listener);
    return this._send({ type: 'ahead', id, ...at, text });
  }

  /** Asks for the code of a cell that would follow; the log is silent, too. */
  next(
    behind: Pick<INext, 'doc' | 'rev' | 'cell'>,
    listener: IJobListener
  ): IJob {
    const id = this.socket.nextId();
    this._running.set(id, listener);
    return this._send({ type: 'next', id, ...behind });
  }

  /**
   * Asks for other texts than `text`, which is shown at this place. The log
   * does not tell of it.
   */
  alternatives(
    at: Place,
    text: string,
    trigger: Trigger,
    listener: IJobListener
  ): IJob {
    const id = this.socket.nextId();
    this._running.set(id, listener);
    return this._send({ type: 'alternatives', id, ...at, text, trigger });
  }

  private _send(message: FromBrowser & { readonly id: number }): IJob {
    const { id } = message;
    if (!this.socket.send(message)) {
      this._fail(id, 'There is no connection to the server.');
    }
    return {
      cancel: () => {
        if (this._running.has(id)) {
          this.socket.send({ type: 'cancel', id });
          this._end(id, 'cancelled');
        }
      },
      supersede: () => this._end(id, 'superseded'),
      settle: kept => {
        this._outcomes.push({ id, kept });
      }
    };
  }

  private _onMessage(message: FromServer): void {
    if (message.type === 'chunk' || message.type === 'alternative') {
      const addition = clean(message.text);
      if (addition) {
        const isBlock = message.type === 'chunk' && message.block;
        this._running.get(message.id)?.text(addition, isBlock);
      }
    } else if (message.type === 'done') {
      const job = this._running.get(message.id);
      this._running.delete(message.id);
      job?.done(message);
    }
  }

  private _fail(id: number, why: string): void {
    this._end(id, 'failed', why);
  }

  private _end(id: number, reason: IDone['reason'], why = ''): void {
    const job = this._running.get(id);
    this._running.delete(id);
    job?.done({ type: 'done', id, reason, why, counts: null, by: '' });
  }

  private readonly _outcomes: IOutcome[] = [];
  private readonly _running = new Map<number, IJobListener>();
}
