import { ISignal, Signal } from '@lumino/signaling';
import { decode, encode, NO_RULES } from './frames';
import { FromBrowser, FromServer, IAction, IRules, VERSION } from './protocol';

/** `open` means that the server has welcomed us, not only that a line stands. */
export type SocketState = 'connecting' | 'open' | 'lost';

/** Milliseconds before the first new attempt; doubled with each failure. */
const FIRST_RETRY = 500;

/** Milliseconds between attempts at most: a server comes back within a coffee. */
const LAST_RETRY = 30_000;

/**
 * The one websocket of this browser tab. It greets, reconnects by itself with
 * growing pauses, and hands on what the server says.
 */
export class Socket {
  constructor(private readonly options: Socket.IOptions) {}

  /** Where the connection stands. */
  get state(): SocketState {
    return this._state;
  }

  /** What the server last refused, until it welcomes us again; '' if nothing. */
  get fault(): string {
    return this._fault;
  }

  /** What the server last offered to do without a description. */
  get actions(): readonly IAction[] {
    return this._actions;
  }

  /** What the server last said that is not the person's to decide. */
  get rules(): IRules {
    return this._rules;
  }

  /** Emitted when `state` or `fault` changes. */
  get stateChanged(): ISignal<this, SocketState> {
    return this._stateChanged;
  }

  /** Every message of the server. */
  get message(): ISignal<this, FromServer> {
    return this._message;
  }

  /** Connects now, cutting short any pause; does nothing on a live connection. */
  connect(): void {
    clearTimeout(this._timer);
    if (this._socket || this._disposed) {
      return;
    }
    const socket = new this.options.WebSocket(this.options.url());
    this._socket = socket;
    this._setState('connecting');
    socket.onopen = () => {
      const xsrf = this.options.xsrf();
      this._write({ type: 'hello', protocol: VERSION, xsrf });
    };
    socket.onmessage = event => this._onMessage(event);
    socket.onclose = () => this._onClose();
  }

  /** Sends a message; false if there is no connection or it is too large. */
  send(message: FromBrowser): boolean {
    return this._state === 'open' && this._write(message);
  }

  /** A number for a request, which no other of this page has. */
  nextId(): number {
    return ++this._lastId;
  }

  /** Ends the connection for good. */
  dispose(): void {
    this._disposed = true;
    clearTimeout(this._timer);
    this._socket?.close();
    Signal.clearData(this);
  }

  private _write(message: FromBrowser): boolean {
    const frame = encode(message);
    // Between a break and its event `send` on a socket that is not open would
    // drop the frame silently.
    if (frame === null || this._socket?.readyState !== 1) {
      return false;
    }
    this._socket.send(frame);
    return true;
  }

  private _onMessage(event: MessageEvent): void {
    const message = decode(String(event.data));
    if (!message) {
      return;
    }
    if (message.type === 'welcome') {
      this._retries = 0;
      this._fault = '';
      this._actions = message.actions;
      this._rules = message.rules;
      this._setState('open');
    } else if (message.type === 'rules') {
      this._rules = message;
    } else if (message.type === 'fault') {
      this._fault = message.message;
      this._stateChanged.emit(this._state);
    }
    this._message.emit(message);
  }

  private _onClose(): void {
    this._socket = null;
    if (this._disposed) {
      return;
    }
    const pause = Math.min(LAST_RETRY, FIRST_RETRY * 2 ** this._retries++);
    // Spread out, so that many tabs do not all knock at a restarted server at once.
    this._timer = setTimeout(
      () => this.connect(),
      pause * (0.75 + Math.random() / 2)
    );
    this._setState('lost');
  }

  private _setState(state: SocketState): void {
    // While attempts fail, the truth is "lost", not a blinking "connecting".
    if (state === 'connecting' && this._retries > 0) {
      return;
    }
    if (state !== this._state) {
      this._state = state;
      this._stateChanged.emit(state);
    }
  }

  private _state: SocketState = 'lost';
  private _fault = '';
  private _actions: readonly IAction[] = [];
  private _rules = NO_RULES;
  private _socket: WebSocket | null = null;
  private _retries = 0;
  private _lastId = 0;
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _disposed = false;
  private readonly _stateChanged = new Signal<this, SocketState>(this);
  private readonly _message = new Signal<this, FromServer>(this);
}

export namespace Socket {
  /** What a connection needs; read anew at each attempt. */
  export interface IOptions {
    /** The address, with its token where one is needed. */
    readonly url: () => string;
    /** The `_xsrf` cookie. */
    readonly xsrf: () => string;
    /** The websocket class of the server settings. */
    readonly WebSocket: new (url: string) => WebSocket;
  }
}
