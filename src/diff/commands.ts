import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { ICommandPalette } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { MenuSvg } from '@jupyterlab/ui-components';
import type { IAction } from '../client/protocol';
import { addCommands, CommandIDs } from '../commands';
import type { Desk } from './desk';

/** Where the context menu offers edits. */
const PLACES = ['.jp-Notebook .jp-Cell', '.jp-FileEditor'];

/** Rank of the submenu: behind what the application has for cells and files. */
const RANK = 100;

/** Adds what a person can do about an edit and its changes. */
export function addReviewCommands(
  app: JupyterFrontEnd,
  palette: ICommandPalette | null,
  trans: TranslationBundle,
  current: () => Desk | null
): void {
  const isReviewing = () =>
    !!current()?.session.review.pending.some(hunk => !hunk.isProvisional);
  addCommands(app.commands, palette, trans, {
    [CommandIDs.edit]: {
      label: trans.__('Edit with an Instruction…'),
      caption: trans.__('Say what the local model should change'),
      isEnabled: () => !!current()?.canEdit,
      execute: async () => {
        if (app.commands.isEnabled(CommandIDs.dismiss)) {
          await app.commands.execute(CommandIDs.dismiss);
        }
        await current()?.prompt();
      }
    },
    [CommandIDs.cancelEdit]: {
      label: trans.__('Cancel the Edit'),
      caption: trans.__('Stop the local model'),
      isEnabled: () => !!current()?.canCancel,
      execute: () => current()?.cancel()
    },
    [CommandIDs.nextHunk]: {
      label: trans.__('Go to Next Change'),
      caption: trans.__('Show the next change of the local model'),
      isEnabled: isReviewing,
      execute: () => current()?.go(1)
    },
    [CommandIDs.previousHunk]: {
      label: trans.__('Go to Previous Change'),
      caption: trans.__('Show the previous change of the local model'),
      isEnabled: isReviewing,
      execute: () => current()?.go(-1)
    },
    [CommandIDs.acceptHunk]: {
      label: trans.__('Accept Change'),
      caption: trans.__('Put the change that is shown into the document'),
      isEnabled: isReviewing,
      execute: () => current()?.decide(null, true)
    },
    [CommandIDs.rejectHunk]: {
      label: trans.__('Reject Change'),
      caption: trans.__('Turn the change that is shown down'),
      isEnabled: isReviewing,
      execute: () => current()?.decide(null, false)
    },
    [CommandIDs.acceptAll]: {
      label: trans.__('Accept All Changes'),
      caption: trans.__('All but those that need a look'),
      isEnabled: isReviewing,
      execute: () => current()?.acceptAll()
    },
    [CommandIDs.rejectAll]: {
      label: trans.__('Reject All Changes'),
      caption: trans.__('The document stays as it is'),
      isEnabled: isReviewing,
      execute: () => current()?.rejectAll()
    },
    [CommandIDs.acceptAndRun]: {
      label: trans.__('Accept All Changes and Run'),
      caption: trans.__('Run the changed cells, and those that had failed'),
      isEnabled: () => isReviewing() && !!current()?.canRun,
      execute: () => current()?.acceptAndRun()
    }
  });
}

/** Adds a command for each action of the server that has none yet, and a menu of them. */
export function addActions(
  app: JupyterFrontEnd,
  palette: ICommandPalette | null,
  trans: TranslationBundle,
  actions: readonly IAction[],
  current: () => Desk | null
): void {
  const id = ({ name }: IAction) => `${CommandIDs.edit}:${name}`;
  const fresh = actions.filter(action => !app.commands.hasCommand(id(action)));
  for (const action of fresh) {
    const isOffered = () => {
      const desk = current();
      return !!desk?.canEdit && (action.needs === '' || desk.failure !== null);
    };
    addCommands(app.commands, palette, trans, {
      [id(action)]: {
        label: action.title,
        caption: action.caption,
        isEnabled: isOffered,
        isVisible: isOffered,
        execute: () => current()?.act(action)
      }
    });
  }
  if (fresh.length === 0) {
    return;
  }
  const submenu = menuOf(app, trans, [CommandIDs.edit, ...fresh.map(id)]);
  for (const selector of PLACES) {
    app.contextMenu.addItem({ type: 'submenu', submenu, selector, rank: RANK });
  }
}

function menuOf(
  { commands }: JupyterFrontEnd,
  trans: TranslationBundle,
  ids: readonly string[]
): MenuSvg {
  const menu = new MenuSvg({ commands });
  menu.title.label = trans.__('Fastgen');
  ids.forEach(command => menu.addItem({ command }));
  return menu;
}
