/* eslint-disable jupyter/prefer-lazy-imports -- editors are made with what they need */
import type { EditorView } from '@codemirror/view';
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import {
  EditorExtensionRegistry,
  IEditorExtensionRegistry
} from '@jupyterlab/codemirror';
import type { DocumentWidget } from '@jupyterlab/docregistry';
import { NotebookPanel } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import { speaker } from '../region';
import { IFastgenClient, IFastgenEdits } from '../tokens';
import { addActions, addReviewCommands } from './commands';
import { Desk } from './desk';
import { Editors } from './editors';
import { InstructionHistory } from './history';
import { KeptReviews } from './kept';
import { FilePage, NotebookPage } from './page';
import { Sessions } from './sessions';

/** The application's factories of widgets whose documents can be edited. */
const FACTORIES = ['Notebook', 'Editor'];

/** Edits cells, files and notebooks as a person says, who decides on each change. */
export const diffPlugin: JupyterFrontEndPlugin<IFastgenEdits> = {
  id: 'jupyter_fastgen:diff',
  description: 'Shows edits of the model as changes to accept or reject.',
  autoStart: true,
  requires: [IFastgenClient, IEditorExtensionRegistry],
  optional: [ICommandPalette, ITranslator],
  provides: IFastgenEdits,
  activate: (
    app: JupyterFrontEnd,
    client: IFastgenClient,
    editors: IEditorExtensionRegistry,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ): IFastgenEdits => {
    const trans = (translator ?? nullTranslator).load('jupyter_fastgen');
    const kept = new KeptReviews(window.sessionStorage);
    window.addEventListener('pagehide', () => kept.flush());
    const sessions = new Sessions(client, kept, trans);
    const history = new InstructionHistory(window.localStorage);
    const say = speaker();
    sessions.added.connect((_, session) =>
      session.said.connect((_, sentence) => say(sentence))
    );
    const keysOf = (command: string) => keysFor(app.commands, command);

    const desks = new Map<DocumentWidget, Desk>();
    const addDesk = async (widget: DocumentWidget) => {
      await widget.context.ready;
      if (widget.isDisposed) {
        return;
      }
      const page =
        widget instanceof NotebookPanel
          ? new NotebookPage(widget)
          : new FilePage(widget);
      const session = sessions.open(widget.context);
      const desk = new Desk({
        widget,
        session,
        page,
        history,
        keysOf,
        say,
        trans
      });
      desks.set(widget, desk);
      widget.disposed.connect(() => desks.delete(widget));
    };
    for (const factory of FACTORIES) {
      app.docRegistry.addWidgetExtension(factory, {
        createNew: (widget: DocumentWidget) => void addDesk(widget)
      });
    }

    const deskOf = (view: EditorView) =>
      [...desks].find(([widget]) => widget.node.contains(view.dom))?.[1];
    const drawer = new Editors(sessions, view => ({
      accept: hunk => deskOf(view)?.actions.accept(hunk),
      acceptKeeping: hunk => deskOf(view)?.actions.acceptKeeping(hunk),
      reject: hunk => deskOf(view)?.actions.reject(hunk),
      keysOf,
      trans
    }));
    editors.addExtension({
      name: 'jupyter_fastgen:diff',
      factory: ({ model }) =>
        EditorExtensionRegistry.createImmutableExtension(
          drawer.extension(model)
        )
    });

    const current = () =>
      desks.get(app.shell.currentWidget as DocumentWidget) ?? null;
    addReviewCommands(app, palette, trans, current);
    const { socket } = client;
    const offer = () =>
      addActions(app, palette, trans, socket.actions, current);
    socket.stateChanged.connect(offer);
    offer();
    return {
      edit: (panel, cellId, wish, title) =>
        desks.get(panel)?.edit(cellId, wish, title),
      compare: (panel, cellId, newText) =>
        void desks.get(panel)?.compare(cellId, newText)
    };
  }
};

/** The keys of a command as a person reads them; '' if it has none. */
function keysFor(commands: CommandRegistry, command: string): string {
  const bound = commands.keyBindings.find(known => known.command === command);
  return bound ? CommandRegistry.formatKeystroke(bound.keys) : '';
}
