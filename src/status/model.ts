import { ISignal, Signal } from '@lumino/signaling';
import { IRecord, RequestLog } from '../client/log';
import type { EngineState, IStatus } from '../client/protocol';
import type { Socket } from '../client/socket';

/**
 * What stands between a person and a suggestion now: the engine's states, and
 * those the engine cannot know. `disabled` is a setting of the person, `off`
 * one of the administrator; `busy` while a request of this page is unanswered.
 */
export type State =
  EngineState | 'busy' | 'connecting' | 'disconnected' | 'disabled';

/** All that the status shows, at one moment. */
export interface ISnapshot {
  readonly state: State;
  readonly model: string;
  readonly engine: string;
  /** 0 to 1 of a download or a load, if known. */
  readonly progress: number | null;
  /** The reason of a state that needs one. */
  readonly detail: string;
  /** The way out of it. */
  readonly remedy: string;
  /** The server of others that runs the model, '' for this machine. */
  readonly where: string;
  /** One that is asked for edits which are too much for it, '' if none. */
  readonly remote: string;
  /** Milliseconds from the last request that brought text to that text. */
  readonly firstMs: number | null;
  readonly records: readonly IRecord[];
}

/** Gathers the truth from the connection, the engine and the settings. */
export class StatusModel {
  /**
   * @param socket - says whether there is a connection, and the engine's state
   * @param log - the last requests; its changes are told by `touch`
   */
  constructor(
    private readonly socket: Socket,
    private readonly log: RequestLog
  ) {
    socket.stateChanged.connect((_, state) => {
      if (state === 'open') {
        this._loss = '';
      } else {
        // What the engine was doing is not known any more.
        this._engine = null;
      }
      this.touch();
    });
    socket.message.connect((_, message) => {
      if (message.type === 'status') {
        this._engine = message;
        this.touch();
      }
    });
  }

  /** Emitted after each change. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** The engine's own word, or `null` while there is none. */
  get engine(): IStatus | null {
    return this._engine;
  }

  /** Whether the person wants suggestions. */
  get enabled(): boolean {
    return this._enabled;
  }
  set enabled(enabled: boolean) {
    this._enabled = enabled;
    this.touch();
  }

  /** Why there is no connection, as far as it was found out. */
  set loss(reason: string) {
    this._loss = reason;
    this.touch();
  }

  /** Something shown has changed. */
  touch(): void {
    this._changed.emit();
  }

  /** All of it, now. */
  snapshot(): ISnapshot {
    const engine = this._engine;
    return {
      state: this._state(),
      model: engine?.model ?? '',
      engine: engine?.engine ?? '',
      progress: engine?.progress ?? null,
      detail: engine?.detail || this.socket.fault || this._loss,
      remedy: engine?.remedy ?? '',
      where: engine?.where ?? '',
      remote: engine?.remote ?? '',
      firstMs: this.log.lastFirstMs,
      records: this.log.records
    };
  }

  private _state(): State {
    if (!this._enabled) {
      return 'disabled';
    }
    if (this.socket.state === 'lost') {
      return 'disconnected';
    }
    const state = this._engine?.state ?? 'connecting';
    const isRunning = this.log.records.some(
      ({ result }) => result === 'running'
    );
    return state === 'ready' && isRunning ? 'busy' : state;
  }

  private _engine: IStatus | null = null;
  private _enabled = true;
  private _loss = '';
  private readonly _changed = new Signal<this, void>(this);
}
