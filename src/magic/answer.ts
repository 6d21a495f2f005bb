import { ISignal, Signal } from '@lumino/signaling';
import { clean } from '../client/clean';
import type { Wish } from '../client/edits';
import type { IHunk } from '../client/protocol';

/** What the kernel calls the module of its widget, and the version that it asks for. */
export const MODULE = 'jupyter_fastgen';
export const MODULE_VERSION = '0.1.0';

/** What the kernel is doing about an answer, or how it has ended. */
export type Phase =
  'queued' | 'loading' | 'reading' | 'writing' | 'done' | 'stopped' | 'failed';

const RUNNING: readonly Phase[] = ['queued', 'loading', 'reading', 'writing'];

/** A change of a file, as the server sends it, with the lines that go. */
export interface IFileHunk extends IHunk {
  readonly old?: readonly string[];
}

/** What the kernel says of an answer, besides its text. */
export interface ITraits {
  readonly phase: Phase;
  /** 0 to 1 of the phase, `null` where that is not known. */
  readonly progress: number | null;
  /** While it is queued at a shared engine: 1 is the next; else 0. */
  readonly place: number;
  readonly language: string;
  /** What was asked. */
  readonly prompt: string;
  /** A sentence: why it failed, or what is missing; may be ''. */
  readonly why: string;
  /** Tokens written, and how many a second, once it has ended. */
  readonly tokens: number;
  readonly rate: number;
  /** The model and the server that wrote it, where others run that; else ''. */
  readonly by: string;
  /** The pictures that the code is for, '' if none. */
  readonly image: string;
  /** What the server calls the request, '' if it knows of none. */
  readonly job: string;
  /** Id of the cell that an edit is to change, '' if none. */
  readonly target: string;
  /** What the edit is asked for with; `prompt` says it in words. */
  readonly wish: Wish;
  /** The file that an edit is to change, '' if none, and how. */
  readonly path: string;
  readonly hunks: readonly IFileHunk[];
}

/** What holds where the kernel has not said otherwise. */
export const DEFAULTS: ITraits = {
  phase: 'queued',
  progress: null,
  place: 0,
  language: 'python',
  prompt: '',
  why: '',
  tokens: 0,
  rate: 0,
  by: '',
  image: '',
  job: '',
  target: '',
  wish: { instruction: '', action: '', error: '' },
  path: '',
  hunks: []
};

/** What a person tells the kernel. */
export type Order =
  | { readonly do: 'stop' }
  | { readonly do: 'retry'; readonly prompt: string }
  | { readonly do: 'apply'; readonly take: number[] };

/** What a model wrote for a cell, while it is written and after. */
export class Answer {
  /**
   * @param send - tells the kernel; `null` for an answer that was only saved
   * @param isFresh - whether it was asked for just now
   */
  constructor(
    traits: Partial<ITraits>,
    text: string,
    private _send: ((order: Order) => void) | null = null,
    private isFresh = false
  ) {
    this._traits = { ...DEFAULTS, ...traits };
    this._text = clean(text);
  }

  /** Emitted when anything but the text changes. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Emitted with text that has come behind the rest, `null` if it is all another. */
  get grown(): ISignal<this, string | null> {
    return this._grown;
  }

  /** What the kernel has said last. */
  get traits(): ITraits {
    return this._traits;
  }

  /** All that is written so far. To join it takes time: not for each piece. */
  get text(): string {
    return this._text;
  }

  /** Whether the kernel can still be told anything. */
  get isConnected(): boolean {
    return this._send !== null;
  }

  /** Whether more is to come. */
  get isRunning(): boolean {
    return this.isConnected && RUNNING.includes(this._traits.phase);
  }

  /** Whether it has ended because its kernel did. */
  get isCutOff(): boolean {
    return !this.isConnected && RUNNING.includes(this._traits.phase);
  }

  /** Whether it changes code that is there, instead of being code. */
  get isEdit(): boolean {
    return this._traits.target !== '' || this._traits.path !== '';
  }

  /** Takes up what the kernel says, which may be only a part. */
  update(traits: Partial<ITraits>): void {
    this._traits = { ...this._traits, ...traits };
    this._changed.emit();
  }

  /** Takes up a message of the kernel: more text, or that it begins anew. */
  receive(message: { readonly t?: unknown; readonly clear?: unknown }): void {
    if (message.clear) {
      this.replace('');
    } else if (typeof message.t === 'string') {
      const piece = clean(message.t);
      this._text += piece;
      this._grown.emit(piece);
    }
  }

  /** Puts another text in the place of all. */
  replace(text: string): void {
    const cleaned = clean(text);
    if (cleaned !== this._text) {
      this._text = cleaned;
      this._grown.emit(null);
    }
  }

  /** Whether the edit is to be begun now: once, by the page that saw it asked for. */
  begin(): boolean {
    const isDue =
      this.isFresh &&
      this._traits.phase === 'done' &&
      this._traits.target !== '';
    this.isFresh &&= !isDue;
    return isDue;
  }

  /** Tells the kernel. */
  tell(order: Order): void {
    try {
      this._send?.(order);
    } catch {
      this.disconnect();
    }
  }

  /** The kernel is gone. */
  disconnect(): void {
    if (this._send) {
      this._send = null;
      this._changed.emit();
    }
  }

  private _traits: ITraits;
  private _text: string;
  private readonly _changed = new Signal<this, void>(this);
  private readonly _grown = new Signal<this, string | null>(this);
}

/** The answers whose kernels this page has heard of, by the ids of their widgets. */
export class Answers {
  /** Emitted with the id of each that is added. */
  get added(): ISignal<this, string> {
    return this._added;
  }

  /** Adds one. */
  add(id: string, answer: Answer): void {
    this._answers.set(id, answer);
    this._added.emit(id);
  }

  /** The answer of an id, `null` if it is not known. */
  find(id: string): Answer | null {
    return this._answers.get(id) ?? null;
  }

  private readonly _answers = new Map<string, Answer>();
  private readonly _added = new Signal<this, string>(this);
}
