/* eslint-disable jupyter/prefer-lazy-imports -- a renderer is made at once, its view later */
import type { ExportMap } from '@jupyter-widgets/base';
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { INotebookTracker } from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { postStop } from '../client/rest';
import { speaker } from '../region';
import { IFastgenEdits } from '../tokens';
import { Answer, Answers, MODULE, MODULE_VERSION } from './answer';
import { correctDeleted } from './deleted';
import { AnswerRenderer, MIME_TYPE } from './renderer';

/** Before the text that all other viewers show. */
const RANK = 0;

/** Shows what `%%fastgen` writes, and lets a person put it into the notebook. */
export const magicPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter_fastgen:magic',
  description:
    'Shows the answers of the magic %%fastgen while they are written.',
  autoStart: true,
  requires: [IRenderMimeRegistry, IEditorLanguageRegistry],
  optional: [INotebookTracker, IFastgenEdits, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    rendermime: IRenderMimeRegistry,
    languages: IEditorLanguageRegistry,
    notebooks: INotebookTracker | null,
    edits: IFastgenEdits | null,
    translator: ITranslator | null
  ): void => {
    correctDeleted();
    const trans = (translator ?? nullTranslator).load('jupyter_fastgen');
    const say = speaker();
    const answers = new Answers();
    const makeView = async () => {
      const [{ AnswerView }, { Actions }] = await Promise.all([
        import('./view'),
        import('./actions')
      ]);
      const { serverSettings } = app.serviceManager;
      const actions = new Actions(notebooks, edits, job =>
        postStop(serverSettings, job)
      );
      return (answer: Answer) =>
        new AnswerView({ answer, actions, languages, say, trans });
    };
    rendermime.addFactory(
      {
        safe: true,
        mimeTypes: [MIME_TYPE],
        createRenderer: () =>
          new AnswerRenderer(answers, async answer =>
            (await makeView())(answer)
          )
      },
      RANK
    );
    void registerWidgets(app, async () => {
      const [{ widgetClasses }, show] = await Promise.all([
        import('./model'),
        makeView()
      ]);
      return widgetClasses(answers, show);
    });
  }
};

/** Registers the classes of our widgets, where ipywidgets is installed. */
async function registerWidgets(
  app: JupyterFrontEnd,
  classes: () => Promise<ExportMap>
): Promise<void> {
  try {
    const { IJupyterWidgetRegistry } = await import('@jupyter-widgets/base');
    const registry = await app.resolveOptionalService(IJupyterWidgetRegistry);
    registry?.registerWidget({
      name: MODULE,
      version: MODULE_VERSION,
      exports: classes
    });
  } catch {
    // The page shares no such module without it: answers are shown as they are saved.
  }
}
