import type {
  FromServer,
  IDone,
  IEdit,
  IHunk,
  IPrepare,
  IProgress
} from './protocol';
import type { Socket } from './socket';

/** What an edit may change, in a document as the server knows it. */
export type Scope = Omit<IPrepare, 'type'>;

/** What is wanted of an edit: one of these is not ''. */
export type Wish = Pick<IEdit, 'instruction' | 'action' | 'error'>;

/** Hears what becomes of one edit. */
export interface IEditListener {
  /** How far it is. */
  progress(progress: IProgress): void;
  /** Hunks that are settled, or at last all of them. */
  hunks(hunks: readonly IHunk[], isFinal: boolean): void;
  /** The end; nothing follows. */
  done(done: IDone): void;
}

/** An edit that can be given up. */
export interface IEditJob {
  /** Ends it, telling the server; does nothing once it has ended. */
  cancel(): void;
}

/** Starts edits and hands each its answer. */
export class Edits {
  constructor(private readonly socket: Socket) {
    socket.message.connect((_, message) => this._onMessage(message));
    socket.stateChanged.connect((_, state) => {
      if (state !== 'open') {
        const why = 'The connection to the server was lost.';
        [...this._running.keys()].forEach(id => this._end(id, 'failed', why));
      }
    });
  }

  /** Says that an edit of this is about to be described. */
  prepare(scope: Scope): void {
    this.socket.send({ type: 'prepare', ...scope });
  }

  /**
   * Starts an edit, which supersedes the document's running one. The listener is
   * always told an end; it may be told so before this returns.
   */
  start(scope: Scope, wish: Wish, listener: IEditListener): IEditJob {
    const id = this.socket.nextId();
    this._running.set(id, listener);
    if (!this.socket.send({ type: 'edit', id, ...scope, ...wish })) {
      this._end(id, 'failed', 'There is no connection to the server.');
    }
    return {
      cancel: () => {
        if (this._running.has(id)) {
          this.socket.send({ type: 'cancel', id });
          this._end(id, 'cancelled');
        }
      }
    };
  }

  private _onMessage(message: FromServer): void {
    if (message.type === 'progress') {
      this._running.get(message.id)?.progress(message);
    } else if (message.type === 'hunks') {
      this._running.get(message.id)?.hunks(message.hunks, message.final);
    } else if (message.type === 'done') {
      const listener = this._running.get(message.id);
      this._running.delete(message.id);
      listener?.done(message);
    }
  }

  private _end(id: number, reason: IDone['reason'], why = ''): void {
    const listener = this._running.get(id);
    this._running.delete(id);
    listener?.done({ type: 'done', id, reason, why, counts: null, by: '' });
  }

  private readonly _running = new Map<number, IEditListener>();
}
