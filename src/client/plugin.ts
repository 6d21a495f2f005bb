/* eslint-disable jupyter/prefer-lazy-imports -- the connection is there from the start */
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { URLExt } from '@jupyterlab/coreutils';
import { DocumentWidget } from '@jupyterlab/docregistry';
import type { INotebookModel } from '@jupyterlab/notebook';
import { NotebookPanel } from '@jupyterlab/notebook';
import { ServerConnection } from '@jupyterlab/services';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import type { IPreferences } from '../inline/policy';
import { Settings } from '../settings';
import { StatusModel } from '../status/model';
import { IFastgenClient } from '../tokens';
import { Documents, ownRulesOf } from './documents';
import { Edits } from './edits';
import { Jobs } from './jobs';
import { RequestLog } from './log';
import type { IOwnRules } from './protocol';
import { EngineAction, fetchStatus, postAction } from './rest';
import { ownRules, Rules, UNSAID } from './rules';
import { Socket } from './socket';

/** The address of our websocket, with the token only where it must be there. */
function socketUrl(server: ServerConnection.ISettings): string {
  const url = URLExt.join(server.wsUrl, 'jupyter-fastgen', 'ws');
  return server.appendToken && server.token !== ''
    ? `${url}?token=${encodeURIComponent(server.token)}`
    : url;
}

/** The cookie that proves to the server that the page is its own. */
function xsrfCookie(): string {
  // Of several, the server sees the last.
  const prefix = '_xsrf=';
  const cookies = document.cookie.split(';').map(cookie => cookie.trim());
  return (
    cookies
      .reverse()
      .find(cookie => cookie.startsWith(prefix))
      ?.slice(prefix.length) ?? ''
  );
}

/** What documents do not know of themselves, but the application does. */
function documentOptions(
  app: JupyterFrontEnd,
  languages: IEditorLanguageRegistry,
  preferences: (own: IOwnRules) => IPreferences
): Documents.IOptions {
  const known = (name: unknown) =>
    typeof name === 'string' ? name.toLowerCase() : '';
  return {
    notebookLanguage: notebook => {
      const { language_info, kernelspec } = notebook.metadata;
      return known(language_info?.name) || known(kernelspec?.language);
    },
    textLanguage: mimeType => {
      const name = known(languages.findByMIME(mimeType)?.name);
      return name === 'ipython' ? 'python' : name;
    },
    path: shared => {
      for (const widget of app.shell.widgets('main')) {
        if (
          widget instanceof DocumentWidget &&
          widget.context.model.sharedModel === shared
        ) {
          // As kernels' sessions name it, without a drive.
          return widget.context.localPath;
        }
      }
      return '';
    },
    isWanted: () => preferences(UNSAID).enabled,
    useKernel: own => preferences(own).useKernel
  };
}

/** Connects to the server, for all other parts of the extension. */
export const clientPlugin: JupyterFrontEndPlugin<IFastgenClient> = {
  id: 'jupyter_fastgen:client',
  description: 'Connects to the server that runs the model.',
  autoStart: true,
  requires: [ISettingRegistry, IEditorLanguageRegistry],
  optional: [ITranslator],
  provides: IFastgenClient,
  activate: (
    app: JupyterFrontEnd,
    registry: ISettingRegistry,
    languages: IEditorLanguageRegistry,
    translator: ITranslator | null
  ): IFastgenClient => {
    const trans = (translator ?? nullTranslator).load('jupyter_fastgen');
    const server = app.serviceManager.serverSettings;
    const socket = new Socket({
      url: () => socketUrl(server),
      xsrf: xsrfCookie,
      WebSocket: server.WebSocket
    });
    const log = new RequestLog(() => status.touch());
    const settings = new Settings();
    const rules = new Rules(socket, trans);
    const status: StatusModel = new StatusModel(socket, log, rules, settings);
    const preferences = (own: IOwnRules) =>
      rules.preferences(settings.current, own);
    const documents = new Documents(
      socket,
      documentOptions(app, languages, preferences)
    );
    const follow = () => {
      if (!preferences(UNSAID).enabled) {
        documents.closeAll();
      }
      documents.syncHeads();
    };
    settings.changed.connect(follow);
    rules.changed.connect(follow);
    followCurrent(app, status, documents);
    settings.load(registry).catch(reason => {
      console.error('The settings of jupyter_fastgen were not loaded', reason);
    });
    socket.stateChanged.connect(async (_, state) => {
      if (state === 'lost') {
        status.loss = await explainLoss(server, trans);
      }
    });
    socket.connect();
    return {
      socket,
      documents,
      jobs: new Jobs(socket, log),
      edits: new Edits(socket),
      log,
      settings,
      rules,
      status,
      preferences: model => preferences(ownRulesOf(model)),
      act: (action: EngineAction) => postAction(server, action)
    };
  }
};

/**
 * Knows what the metadata of the notebook in front say of us. The server is told
 * of one that is turned off, for its kernel may ask there.
 */
function followCurrent(
  app: JupyterFrontEnd,
  status: StatusModel,
  documents: Documents
): void {
  let notebook: INotebookModel['sharedModel'] | null = null;
  const look = () => {
    status.own = notebook ? ownRules(notebook) : UNSAID;
    if (notebook && !status.own.enabled) {
      documents.tell(notebook);
    }
  };
  app.shell.currentChanged?.connect(async () => {
    notebook?.metadataChanged.disconnect(look);
    notebook = null;
    look();
    const widget = app.shell.currentWidget;
    if (widget instanceof NotebookPanel) {
      await widget.context.ready;
      if (widget === app.shell.currentWidget && !widget.isDisposed) {
        notebook = widget.context.model.sharedModel;
        notebook.metadataChanged.connect(look);
        look();
      }
    }
  });
}

/** Finds out why the websocket is gone, by asking the server another way. */
async function explainLoss(
  server: ServerConnection.ISettings,
  trans: { __(text: string): string }
): Promise<string> {
  try {
    await fetchStatus(server);
    return trans.__('The server answers, but its websocket does not.');
  } catch (error) {
    const status =
      error instanceof ServerConnection.ResponseError
        ? error.response.status
        : 0;
    if (status === 404) {
      return trans.__(
        'The server part is not enabled. Run "jupyter server extension enable jupyter_fastgen" and restart the server.'
      );
    }
    return status === 403 || status === 401
      ? trans.__('The server does not let you in. Log in again.')
      : trans.__('The server does not answer.');
  }
}
