import type { CodeEditor } from '@jupyterlab/codeeditor';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { Token } from '@lumino/coreutils';
import type { Documents } from './client/documents';
import type { Edits, Wish } from './client/edits';
import type { Jobs } from './client/jobs';
import type { RequestLog } from './client/log';
import type { Rules } from './client/rules';
import type { EngineAction } from './client/rest';
import type { Socket } from './client/socket';
import type { IPreferences } from './inline/policy';
import type { Settings } from './settings';
import type { StatusModel } from './status/model';

/** The browser's side of the one connection to the server. */
export interface IFastgenClient {
  readonly socket: Socket;
  readonly documents: Documents;
  readonly jobs: Jobs;
  readonly edits: Edits;
  readonly log: RequestLog;
  readonly settings: Settings;
  readonly rules: Rules;
  readonly status: StatusModel;
  /** The settings as they hold in an editor's document, by the rules. */
  preferences(model: CodeEditor.IModel): IPreferences;
  /** Asks the engine to download its model or to start anew. */
  act(action: EngineAction): Promise<void>;
}

/** The token of the client. */
export const IFastgenClient = new Token<IFastgenClient>(
  'jupyter_fastgen:IFastgenClient',
  'The connection to the server that completes code with a local model.'
);

/** What other parts may ask of the edits, in a notebook that is shown. */
export interface IFastgenEdits {
  /** Asks the model for an edit of a cell, called `title`; its changes wait there. */
  edit(panel: NotebookPanel, cellId: string, wish: Wish, title: string): void;
  /** Shows what the text of a cell would become, as changes to accept or reject. */
  compare(panel: NotebookPanel, cellId: string, newText: string): void;
}

/** The token of the edits. */
export const IFastgenEdits = new Token<IFastgenEdits>(
  'jupyter_fastgen:IFastgenEdits',
  'Edits of notebooks whose changes a person accepts or rejects.'
);
