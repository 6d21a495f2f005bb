import { ISignal, Signal } from '@lumino/signaling';
import { IRecord, RequestLog } from '../client/log';
import type {
  EngineState,
  Feature,
  IBudget,
  IOwnRules,
  IStatus,
  IVerdict
} from '../client/protocol';
import { FEATURES, Rules, UNSAID } from '../client/rules';
import type { Socket } from '../client/socket';
import type { Settings } from '../settings';

/**
 * What stands between a person and a suggestion now: the engine's states, and
 * those the engine cannot know. `disabled` is a setting of the person, `off`
 * one of the administrator; `busy` while a request of this page is unanswered.
 */
export type State =
  EngineState | 'busy' | 'connecting' | 'disconnected' | 'disabled';

/** The day's tokens of this person at a shared engine. */
export interface IAllowance {
  readonly used: number;
  readonly limit: number;
  /** When it begins anew, in milliseconds since the epoch. */
  readonly reset: number;
}

/** A feature that is on or off whatever the person wants. */
export interface IRule extends IVerdict {
  readonly feature: Feature;
}

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
  /** `null` where there is no end of it, or none was told. */
  readonly allowance: IAllowance | null;
  /** Of what this page waits for, the place in a shared engine's queue; 0 in none. */
  readonly place: number;
  /** Milliseconds from the last request that brought text to that text. */
  readonly firstMs: number | null;
  /** What is not the person's to decide in the document in front. */
  readonly rules: readonly IRule[];
  readonly records: readonly IRecord[];
}

/** Gathers the truth from the connection, the engine and the settings. */
export class StatusModel {
  /**
   * @param socket - says whether there is a connection, and the engine's state
   * @param log - the last requests; its changes are told by `touch`
   * @param rules - says what is not the person's to decide
   * @param settings - what the person wants
   */
  constructor(
    private readonly socket: Socket,
    private readonly log: RequestLog,
    private readonly rules: Rules,
    private readonly settings: Settings
  ) {
    rules.changed.connect(() => this.touch());
    settings.changed.connect(() => this.touch());
    socket.stateChanged.connect((_, state) => {
      if (state === 'open') {
        this._loss = '';
      } else {
        // What the engine was doing is not known any more.
        this._engine = null;
        this._allowance = null;
        this._places.clear();
      }
      this.touch();
    });
    socket.message.connect((_, message) => {
      if (message.type === 'status') {
        this._engine = message;
        if (message.state !== 'ready') {
          this._allowance = null;
        }
        this.touch();
      } else if (message.type === 'budget') {
        this._allowance = allowanceOf(message);
        this.touch();
      } else if (message.type === 'progress' || message.type === 'done') {
        this._setPlace(message.id, 'place' in message ? message.place : 0);
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

  /** What the metadata of the document in front say of us. */
  get own(): IOwnRules {
    return this._own;
  }
  set own(own: IOwnRules) {
    this._own = own;
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
    const why = this.rules.whyOff('suggestions', this._own);
    const state = this._state(why);
    return {
      state,
      model: engine?.model ?? '',
      engine: engine?.engine ?? '',
      progress: engine?.progress ?? null,
      detail:
        (state === 'off' && why) ||
        engine?.detail ||
        this.socket.fault ||
        this._loss,
      remedy: engine?.remedy ?? '',
      rules: FEATURES.flatMap(feature => {
        const verdict = this.rules.verdict(feature, this._own);
        return verdict ? [{ feature, ...verdict }] : [];
      }),
      where: engine?.where ?? '',
      remote: engine?.remote ?? '',
      allowance: this._allowance,
      place: Math.max(0, ...this._places.values()),
      firstMs: this.log.lastFirstMs,
      records: this.log.records
    };
  }

  private _state(why: string): State {
    if (this.socket.state === 'open' && why) {
      return 'off';
    }
    if (!this.rules.preferences(this.settings.current, this._own).enabled) {
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

  private _setPlace(id: number, place: number): void {
    if (place !== (this._places.get(id) ?? 0)) {
      if (place > 0) {
        this._places.set(id, place);
      } else {
        this._places.delete(id);
      }
      this.touch();
    }
  }

  private _allowance: IAllowance | null = null;
  /** The places above 0, by the ids of the requests. */
  private readonly _places = new Map<number, number>();
  private _engine: IStatus | null = null;
  private _own = UNSAID;
  private _loss = '';
  private readonly _changed = new Signal<this, void>(this);
}

function allowanceOf({ used, limit, reset_s }: IBudget): IAllowance {
  return { used, limit, reset: Date.now() + reset_s * 1000 };
}
