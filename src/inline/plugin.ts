/* eslint-disable jupyter/prefer-lazy-imports -- ghost text is there from the start */
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, Notification } from '@jupyterlab/apputils';
import type { CodeEditor } from '@jupyterlab/codeeditor';
import {
  EditorExtensionRegistry,
  IEditorExtensionRegistry
} from '@jupyterlab/codemirror';
import {
  ICompletionProviderManager,
  IInlineCompleterFactory
} from '@jupyterlab/completer';
import { INotebookTracker, NotebookActions } from '@jupyterlab/notebook';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { ownRulesOf } from '../client/documents';
import { UNSAID } from '../client/rules';
import { addCommands, CommandIDs } from '../commands';
import { whySkipped } from '../status/requests';
import { IFastgenClient } from '../tokens';
import { Announcer, IOffer } from './announcer';
import { Completers, offerOf } from './completers';
import { partKeys } from './keys';
import { NextCell } from './nextcell';
import { firstLine, firstWord } from './parts';
import type { Refusal } from './policy';
import { FastgenProvider } from './provider';
import { Warmer } from './warmer';
import { Watcher } from './watcher';

/** The application's own settings of inline completers. */
const COMPLETER_SETTINGS = '@jupyterlab/completer-extension:inline-completer';

/** Milliseconds that a person has to read why there is nothing. */
const NOTICE_MS = 8000;

/** Suggests code as ghost text. */
export const inlinePlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter_fastgen:inline',
  description: 'Suggests code as ghost text while a person types.',
  autoStart: true,
  requires: [
    IFastgenClient,
    ICompletionProviderManager,
    IInlineCompleterFactory,
    IEditorExtensionRegistry,
    ISettingRegistry
  ],
  optional: [INotebookTracker, ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    client: IFastgenClient,
    manager: ICompletionProviderManager,
    factory: IInlineCompleterFactory,
    editors: IEditorExtensionRegistry,
    registry: ISettingRegistry,
    notebooks: INotebookTracker | null,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('jupyter_fastgen');
    const completers = new Completers(factory);
    const provider = new FastgenProvider({
      client,
      completers,
      trans,
      explain: (reason, model) =>
        whyRuled(client, reason, model) || whySkipped(reason, trans)
    });
    manager.registerInlineProvider(provider);
    const warmer = new Warmer(client);
    const watcher = new Watcher(manager, completers, provider, warmer);
    editors.addExtension({
      name: 'jupyter_fastgen:watcher',
      factory: ({ model }) =>
        EditorExtensionRegistry.createImmutableExtension([
          watcher.extension(model),
          partKeys(app.commands, completers)
        ])
    });

    followServer(client, provider, watcher);
    followSettings(client, provider, registry);
    if (notebooks) {
      warmNotebooks(notebooks, client, warmer, provider);
    }
    const next = notebooks
      ? new NextCell({
          client,
          notebooks,
          watcher,
          suggester: provider.suggester,
          trans
        })
      : null;
    const announcer = new Announcer(trans);
    announce(client, provider, next, announcer);

    const dismiss = () => {
      if (next?.isActive) {
        next.dismiss();
      } else {
        provider.suggester.dismiss();
        completers.active()?.model?.reset();
      }
    };
    const accept = (part: (text: string) => string) => {
      const completer = completers.active();
      if (next?.isActive) {
        void next.accept(part);
      } else if (completer) {
        completers.acceptPart(completer, part);
      }
    };
    const isShown = () => completers.active() !== null || !!next?.isActive;
    addCommands(app.commands, palette, trans, {
      [CommandIDs.invoke]: {
        label: trans.__('Suggest Code'),
        caption: trans.__('Ask the local model for code at the cursor'),
        isEnabled: () => watcher.lastView !== null,
        execute: () => {
          const view = watcher.lastView;
          const why = client.rules.whyOff('suggestions', client.status.own);
          view?.focus();
          if (why) {
            Notification.info(trans.__('No suggestion: %1.', why), {
              autoClose: NOTICE_MS
            });
          } else if (view) {
            watcher.invoke(view);
          }
        }
      },
      [CommandIDs.accept]: {
        label: trans.__('Accept Suggestion'),
        caption: trans.__('Insert the code that is shown as ghost text'),
        isEnabled: isShown,
        execute: () =>
          next?.isActive ? next.accept() : completers.active()?.accept()
      },
      [CommandIDs.acceptWord]: {
        label: trans.__('Accept Next Word of Suggestion'),
        caption: trans.__('Insert the first word of the ghost text'),
        isEnabled: isShown,
        execute: () => accept(firstWord)
      },
      [CommandIDs.acceptLine]: {
        label: trans.__('Accept Next Line of Suggestion'),
        caption: trans.__('Insert the ghost text up to the end of its line'),
        isEnabled: isShown,
        execute: () => accept(firstLine)
      },
      [CommandIDs.readSuggestion]: {
        label: trans.__('Read Suggestion Aloud'),
        caption: trans.__('Tell a screen reader all of the ghost text'),
        isEnabled: isShown,
        execute: () => {
          const completer = completers.active();
          const offer = next?.offer ?? (completer && offerOf(completer));
          if (offer) {
            announcer.read(offer);
          }
        }
      },
      [CommandIDs.dismiss]: {
        label: trans.__('Dismiss Suggestion'),
        caption: trans.__('Remove the code that is shown as ghost text'),
        isEnabled: isShown,
        execute: dismiss
      }
    });
  }
};

/** The word of an administrator or of a notebook behind a reason; '' if it is the person's own. */
function whyRuled(
  client: IFastgenClient,
  reason: Refusal,
  model: CodeEditor.IModel | undefined
): string {
  const own = model ? ownRulesOf(model) : UNSAID;
  const { rules } = client;
  return reason === 'disabled'
    ? rules.whyOff('suggestions', own)
    : reason === 'by-command'
      ? rules.whyOff('automatic', own)
      : '';
}

/** Obeys the server's hints, and asks again once the engine can answer. */
function followServer(
  client: IFastgenClient,
  provider: FastgenProvider,
  watcher: Watcher
): void {
  client.socket.message.connect((_, message) => {
    if (message.type === 'hint') {
      provider.suggester.debounce = message.debounce_ms;
    } else if (message.type === 'status' && message.state !== 'ready') {
      // It was of the connection to a shared engine, which is gone.
      provider.suggester.debounce = 0;
    } else if (
      message.type === 'status' &&
      message.state === 'ready' &&
      provider.suggester.wasUnavailable &&
      watcher.lastView?.hasFocus
    ) {
      watcher.ask(watcher.lastView);
    }
  });
}

/** Ends what is running when turned off, and learns how ghost text is drawn. */
function followSettings(
  client: IFastgenClient,
  provider: FastgenProvider,
  registry: ISettingRegistry
): void {
  client.settings.changed.connect(() => provider.suggester.stop());
  client.rules.changed.connect(() => provider.suggester.stop());
  registry
    .load(COMPLETER_SETTINGS)
    .then(settings => {
      const read = () => {
        provider.isHighlighted = !!settings.composite.ghostSyntaxHighlighting;
      };
      settings.changed.connect(read);
      read();
    })
    .catch(() => {
      // Without these settings ghost text is not highlighted either.
    });
}

/** Announces suggestions to screen readers, unless the person does not want it. */
function announce(
  client: IFastgenClient,
  provider: FastgenProvider,
  next: NextCell | null,
  announcer: Announcer
): void {
  const onShown = (offer: () => IOffer | null) => {
    if (client.settings.current.announce) {
      announcer.onShown(offer);
    }
  };
  provider.shown.connect((_, completer) => onShown(() => offerOf(completer)));
  next?.shown.connect(() => onShown(() => next.offer));
}

/** Warms where a person is about to type in a notebook. */
function warmNotebooks(
  notebooks: INotebookTracker,
  client: IFastgenClient,
  warmer: Warmer,
  provider: FastgenProvider
): void {
  const warmActive = () => {
    const cell = notebooks.activeCell;
    if (cell) {
      const { model } = cell;
      warmer.rest(model, () => {
        const { editor } = cell;
        return editor?.getOffsetAt(editor.getCursorPosition()) ?? 0;
      });
    }
  };
  notebooks.activeCellChanged.connect(() => {
    // What was suggested here may rest on cells that change elsewhere.
    provider.suggester.forget();
    warmActive();
  });
  NotebookActions.executed.connect((_, { cell, success }) => {
    client.documents.executed(cell.model, success ?? false);
    provider.suggester.forget();
    warmer.forget();
    warmActive();
  });
}
