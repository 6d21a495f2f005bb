import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { URLExt } from '@jupyterlab/coreutils';
import { DocumentWidget } from '@jupyterlab/docregistry';
import { ServerConnection } from '@jupyterlab/services';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { Settings } from '../settings';
import { StatusModel } from '../status/model';
import { IFastgenClient } from '../tokens';
// eslint-disable-next-line jupyter/prefer-lazy-imports -- needed on activation
import { Documents } from './documents';
import { Edits } from './edits';
import { Jobs } from './jobs';
import { RequestLog } from './log';
import { EngineAction, fetchStatus, postAction } from './rest';
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
  settings: Settings
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
    useKernel: () => settings.current.useKernel
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
    const status: StatusModel = new StatusModel(socket, log);
    const settings = new Settings();
    const documents = new Documents(
      socket,
      documentOptions(app, languages, settings)
    );
    settings.changed.connect((_, { enabled }) => {
      status.enabled = enabled;
      if (!enabled) {
        documents.closeAll();
      }
    });
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
      status,
      act: (action: EngineAction) => postAction(server, action)
    };
  }
};

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
