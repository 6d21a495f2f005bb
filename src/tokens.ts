import { Token } from '@lumino/coreutils';
import type { Documents } from './client/documents';
import type { Edits } from './client/edits';
import type { Jobs } from './client/jobs';
import type { RequestLog } from './client/log';
import type { EngineAction } from './client/rest';
import type { Socket } from './client/socket';
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
  readonly status: StatusModel;
  /** Asks the engine to download its model or to start anew. */
  act(action: EngineAction): Promise<void>;
}

/** The token of the client. */
export const IFastgenClient = new Token<IFastgenClient>(
  'jupyter_fastgen:IFastgenClient',
  'The connection to the server that completes code with a local model.'
);
