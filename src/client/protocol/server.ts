/** What the server says to the browser. */

import type { CellType } from './cells';

/** An edit that needs no description; of `needs` 'error' only where a cell has failed. */
export interface IAction {
  readonly name: string;
  readonly title: string;
  readonly caption: string;
  readonly needs: '' | 'error';
}

/** What an administrator can turn on or off. */
export type Feature =
  | 'suggestions'
  | 'automatic'
  | 'next_cell'
  | 'edits'
  | 'generate'
  | 'kernel_context'
  | 'remote';

/** That a feature is on or off, and who says so. */
export interface IVerdict {
  readonly on: boolean;
  readonly why: string;
}

/**
 * What is not the person's to decide. `courses` say what else is off in notebooks
 * whose metadata name them, and why.
 */
export interface IRules {
  readonly type: 'rules';
  readonly features: { readonly [name in Feature]?: IVerdict };
  readonly courses: {
    readonly [course: string]: { readonly [name in Feature]?: string };
  };
}

/** The connection is taken. `actions` can be asked for in an edit. */
export interface IWelcome {
  readonly type: 'welcome';
  readonly protocol: number;
  readonly version: string;
  readonly actions: readonly IAction[];
  readonly rules: IRules;
}

/** What the engine is doing. */
export type EngineState =
  'missing' | 'downloading' | 'loading' | 'ready' | 'idle' | 'off' | 'error';

/** The engine's state; `progress` is 0 to 1 of a download or a load. */
export interface IStatus {
  readonly type: 'status';
  readonly state: EngineState;
  readonly model: string;
  readonly engine: string;
  readonly progress: number | null;
  readonly detail: string;
  readonly remedy: string;
  /** The server of others that runs the model, '' for this machine. */
  readonly where: string;
  /** One that is asked for edits which are too much for the model; '' if none. */
  readonly remote: string;
}

/**
 * More text of job `id`, behind what came before. `block` says that there are
 * several lines, for which room is to be made at once.
 */
export interface IChunk {
  readonly type: 'chunk';
  readonly id: number;
  readonly text: string;
  readonly block: boolean;
}

/** The whole of another text, for job `id`. */
export interface IAlternative {
  readonly type: 'alternative';
  readonly id: number;
  readonly text: string;
}

/**
 * Of an edit: the model is loaded, a shared engine serves others first, the code
 * is read, the answer is written.
 */
export type Phase = 'loading' | 'queued' | 'reading' | 'writing';

/**
 * How far edit `id` is: `fraction` 0 to 1 of its phase, where that is known. While
 * it is written, `lines` of the answer are there, and all before line `line` of
 * `cell` is settled, in the text as of the edit's `rev`.
 */
export interface IProgress {
  readonly type: 'progress';
  readonly id: number;
  readonly phase: Phase;
  readonly fraction: number | null;
  readonly lines: number;
  readonly cell: string;
  readonly line: number;
  /** While it is queued: 1 is the next of all that wait; else 0. */
  readonly place: number;
}

/**
 * One change to accept or reject, in the document as of the edit's `rev`.
 *
 * `lines`: the lines [`start`, `end`) of `cell` become `new`, without ends; of
 * both none may be there. `insert`: a cell of `type` that holds `new` comes behind
 * `cell`, '' is the top. `remove`: `cell` goes. `move`: `cell` goes behind `after`.
 */
export interface IHunk {
  readonly cell: string;
  readonly start: number;
  readonly end: number;
  readonly new: readonly string[];
  readonly kind: 'lines' | 'insert' | 'remove' | 'move';
  readonly type: CellType;
  readonly after: string;
  /** The block around it, '' if none. */
  readonly label: string;
  /** Sentences; with any it needs a look first. */
  readonly reasons: readonly string[];
  /** Where it is not certain that old lines go: what comes instead if they stay. */
  readonly other?: readonly string[];
}

/**
 * Hunks of edit `id`, in order: while it is written those that are settled, to be
 * added; `final` ones are all, and stand for those before.
 */
export interface IHunks {
  readonly type: 'hunks';
  readonly id: number;
  readonly hunks: readonly IHunk[];
  readonly final: boolean;
}

/**
 * What a job cost: tokens, and times in milliseconds. Of the drafted tokens, which
 * were guessed from the prompt, the accepted ones cost no step.
 */
export interface ICounts {
  readonly prompt_tokens: number;
  readonly cached_tokens: number;
  readonly new_tokens: number;
  readonly queue_ms: number;
  readonly prefill_ms: number;
  readonly decode_ms: number;
  readonly first_ms: number | null;
  readonly drafted_tokens: number;
  readonly accepted_tokens: number;
}

/** How a job ended; after `held` its chunks are to be taken back. */
export type DoneReason =
  | 'stop'
  | 'length'
  | 'empty'
  | 'held'
  | 'cancelled'
  | 'superseded'
  | 'unavailable'
  | 'off'
  | 'failed';

/** Job `id` ended; `why` is a sentence for the person if little or nothing came. */
export interface IDone {
  readonly type: 'done';
  readonly id: number;
  readonly reason: DoneReason;
  readonly why: string;
  readonly counts: ICounts | null;
  /** The model and the server that wrote it, where others run that; else ''. */
  readonly by: string;
}

/** The server's copy of `doc` is stale: send `open` again. */
export interface IResync {
  readonly type: 'resync';
  readonly doc: string;
}

/** Wait this long after a key before the next `complete`, until the engine is not ready. */
export interface IHint {
  readonly type: 'hint';
  readonly debounce_ms: number;
}

/**
 * Of the day's `limit` of tokens at a shared engine `used` are. A new day begins
 * in `reset_s` seconds.
 */
export interface IBudget {
  readonly type: 'budget';
  readonly used: number;
  readonly limit: number;
  readonly reset_s: number;
}

/** A frame was refused. The connection stays unless `fatal`. */
export interface IFault {
  readonly type: 'fault';
  readonly message: string;
  readonly fatal: boolean;
}

/** Any message from the server. */
export type FromServer =
  | IWelcome
  | IStatus
  | IRules
  | IChunk
  | IAlternative
  | IProgress
  | IHunks
  | IDone
  | IResync
  | IHint
  | IBudget
  | IFault;
