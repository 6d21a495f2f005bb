/** What the browser says to the server. */

import type { ICell } from './cells';

/** The first frame: the version, and the `_xsrf` cookie as proof of our own page. */
export interface IHello {
  readonly type: 'hello';
  readonly protocol: number;
  readonly xsrf: string;
}

/** What a notebook's metadata say of us. */
export interface IOwnRules {
  readonly enabled: boolean;
  readonly course: string;
}

/**
 * The whole document `doc`, which is then at revision `rev`. `kernel` says
 * whether its live kernel may be looked at; `notebook` what its metadata say of
 * us: of one that is turned off the cells stay here.
 */
export interface IOpen {
  readonly type: 'open';
  readonly doc: string;
  readonly cells: readonly ICell[];
  readonly language: string;
  readonly path: string;
  readonly rev: number;
  readonly kernel: boolean;
  readonly notebook: IOwnRules;
}

/** `text` replaces the code points `start` to `end` of `cell`. */
export interface IChange {
  readonly type: 'change';
  readonly doc: string;
  readonly rev: number;
  readonly cell: string;
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** `insert` replaces the `delete` cells from `index` on. */
export interface ISplice {
  readonly type: 'splice';
  readonly doc: string;
  readonly rev: number;
  readonly index: number;
  readonly delete: number;
  readonly insert: readonly ICell[];
}

/** The document is closed; its running job ends. */
export interface IClose {
  readonly type: 'close';
  readonly doc: string;
}

/** Whether typing or a person's own command asks for a suggestion. */
export type Trigger = 'auto' | 'invoke';

/**
 * What became of the text that was shown for job `id`: `kept` code points of it
 * stand in the document, accepted or typed. Told once it is certain.
 */
export interface IOutcome {
  readonly id: number;
  readonly kept: number;
}

/**
 * Asks for a suggestion and supersedes the document's running job. The outcomes
 * of earlier jobs come along.
 */
export interface IComplete {
  readonly type: 'complete';
  readonly id: number;
  readonly doc: string;
  readonly rev: number;
  readonly cell: string;
  readonly offset: number;
  readonly trigger: Trigger;
  readonly outcomes?: readonly IOutcome[];
}

/**
 * Asks for what follows at `offset` once `text`, which is shown there, is
 * accepted. Work ahead of the person: it supersedes nothing.
 */
export interface IAhead {
  readonly type: 'ahead';
  readonly id: number;
  readonly doc: string;
  readonly rev: number;
  readonly cell: string;
  readonly offset: number;
  readonly text: string;
}

/** Asks for the code of a cell that would follow `cell`. Work ahead, too. */
export interface INext {
  readonly type: 'next';
  readonly id: number;
  readonly doc: string;
  readonly rev: number;
  readonly cell: string;
}

/**
 * Asks for other texts than `text`, which is shown at `offset`. It supersedes
 * nothing.
 */
export interface IAlternatives {
  readonly type: 'alternatives';
  readonly id: number;
  readonly doc: string;
  readonly rev: number;
  readonly cell: string;
  readonly offset: number;
  readonly text: string;
  readonly trigger: Trigger;
}

/**
 * Asks for a change of `cells`, which stand in this order. `action` names one of
 * `IWelcome.actions`, `instruction` is the person's; either may be ''. Of one cell
 * only the lines from `start` to `end` change, where `end` is given. It supersedes
 * the document's running edit. The document itself changes only in the browser.
 */
export interface IEdit extends Omit<IPrepare, 'type'> {
  readonly type: 'edit';
  readonly id: number;
  readonly instruction: string;
  readonly action: string;
  /** The traceback that is to be mended, or ''. */
  readonly error: string;
}

/** An edit of this is about to be described: load the model, read the code. */
export interface IPrepare {
  readonly type: 'prepare';
  readonly doc: string;
  readonly rev: number;
  readonly cells: readonly string[];
  readonly start?: number;
  readonly end?: number;
}

/** Ends job `id`. */
export interface ICancel {
  readonly type: 'cancel';
  readonly id: number;
}

/** The cursor rests at `offset` of `cell`: a request from there is likely. */
export interface IWarm {
  readonly type: 'warm';
  readonly doc: string;
  readonly rev: number;
  readonly cell: string;
  readonly offset: number;
}

/** `cell` has run as it stands. */
export interface IExecuted {
  readonly type: 'executed';
  readonly doc: string;
  readonly cell: string;
  readonly ok: boolean;
}

/** Any message to the server. */
export type FromBrowser =
  | IHello
  | IOpen
  | IChange
  | ISplice
  | IExecuted
  | IClose
  | IComplete
  | IAhead
  | INext
  | IAlternatives
  | IEdit
  | IPrepare
  | ICancel
  | IWarm;
