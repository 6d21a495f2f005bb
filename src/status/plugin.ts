import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, showErrorMessage } from '@jupyterlab/apputils';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import type { EngineAction } from '../client/rest';
import { addCommands, CommandIDs } from '../commands';
import { IFastgenClient } from '../tokens';
import { StatusItem } from './item';

/** Says what the engine is doing, and why nothing was shown. */
export const statusPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter_fastgen:status',
  description: 'Shows the state of the engine and of the last requests.',
  autoStart: true,
  requires: [IFastgenClient],
  optional: [IStatusBar, ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    client: IFastgenClient,
    statusBar: IStatusBar | null,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('jupyter_fastgen');
    const { rules, settings, status } = client;
    const isOn = () => rules.preferences(settings.current, status.own).enabled;
    let shown = '';
    const setEnabled = (enabled: boolean) => settings.setEnabled(enabled);
    const act = async (action: EngineAction) => {
      try {
        await client.act(action);
      } catch (error) {
        await showErrorMessage(trans.__('Fastgen'), error as Error);
      }
    };
    addCommands(app.commands, palette, trans, {
      [CommandIDs.toggle]: {
        label: trans.__('Suggest Code While Typing'),
        caption: trans.__('Turn suggestions from the local model on or off'),
        isEnabled: () => !rules.verdict('suggestions', status.own),
        isToggled: () => isOn(),
        execute: () => setEnabled(!settings.current.enabled)
      },
      [CommandIDs.showPanel]: {
        label: trans.__('Show Status and Last Requests'),
        caption: trans.__('Show the engine and why nothing was suggested'),
        execute: async () => {
          const { showPanel } = await import('./panel');
          await showPanel({ client, act, setEnabled, trans });
        }
      },
      [CommandIDs.restart]: {
        label: trans.__('Restart the Engine'),
        caption: trans.__('Load the local model anew'),
        execute: () => act('restart')
      }
    });
    status.changed.connect(() => {
      const now = `${isOn()} ${!rules.verdict('suggestions', status.own)}`;
      if (now !== shown) {
        shown = now;
        app.commands.notifyCommandChanged(CommandIDs.toggle);
      }
    });

    const item = () =>
      new StatusItem(
        status,
        () => void app.commands.execute(CommandIDs.showPanel),
        trans
      );
    if (statusBar) {
      statusBar.registerStatusItem('jupyter_fastgen:status', {
        item: item(),
        align: 'right',
        rank: 10
      });
    } else {
      // Notebook 7 has no status bar; each notebook's toolbar shows it instead.
      app.docRegistry.addWidgetExtension('Notebook', {
        createNew: (panel: NotebookPanel) => {
          const button = item();
          panel.toolbar.addItem('jupyter_fastgen', button);
          return button;
        }
      });
    }
  }
};
