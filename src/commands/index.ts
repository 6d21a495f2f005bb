import type { ReadonlyJSONObject } from '@lumino/coreutils';
import type { CommandRegistry } from '@lumino/commands';
import type { ICommandPalette } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';

/** The commands of the extension. */
export namespace CommandIDs {
  /** Asks for a suggestion at the cursor. */
  export const invoke = 'jupyter_fastgen:invoke';
  /** Inserts the suggestion shown. */
  export const accept = 'jupyter_fastgen:accept';
  /** Inserts the first word of the suggestion shown. */
  export const acceptWord = 'jupyter_fastgen:accept-word';
  /** Inserts the first line of the suggestion shown. */
  export const acceptLine = 'jupyter_fastgen:accept-line';
  /** Reads the suggestion shown to screen readers. */
  export const readSuggestion = 'jupyter_fastgen:read-suggestion';
  /** Removes the suggestion shown. */
  export const dismiss = 'jupyter_fastgen:dismiss';
  /** Opens the prompt box of an edit; with ':' and a name, asks for an action. */
  export const edit = 'jupyter_fastgen:edit';
  /** Ends the running edit. */
  export const cancelEdit = 'jupyter_fastgen:cancel-edit';
  /** Goes to the next change. */
  export const nextHunk = 'jupyter_fastgen:next-change';
  /** Goes to the previous change. */
  export const previousHunk = 'jupyter_fastgen:previous-change';
  /** Puts the current change into the document. */
  export const acceptHunk = 'jupyter_fastgen:accept-change';
  /** Turns the current change down. */
  export const rejectHunk = 'jupyter_fastgen:reject-change';
  /** Puts all changes into the document that need no look. */
  export const acceptAll = 'jupyter_fastgen:accept-all-changes';
  /** Turns all changes down. */
  export const rejectAll = 'jupyter_fastgen:reject-all-changes';
  /** Accepts all that is sure and runs what it changed. */
  export const acceptAndRun = 'jupyter_fastgen:accept-changes-and-run';
  /** Turns suggestions on or off. */
  export const toggle = 'jupyter_fastgen:toggle';
  /** Opens the status panel. */
  export const showPanel = 'jupyter_fastgen:show-panel';
  /** Restarts the engine. */
  export const restart = 'jupyter_fastgen:restart';
}

/** None of the commands takes arguments. */
const NO_ARGUMENTS: ReadonlyJSONObject = {
  type: 'object',
  properties: {}
};

/** A command without arguments, for the palette. */
export type Command = Pick<
  CommandRegistry.ICommandOptions,
  'execute' | 'isEnabled' | 'isToggled' | 'isVisible'
> & { readonly label: string; readonly caption: string };

/** Adds commands to the application and to its palette, if it has one. */
export function addCommands(
  registry: CommandRegistry,
  palette: ICommandPalette | null,
  trans: TranslationBundle,
  commands: { readonly [id: string]: Command }
): void {
  const category = trans.__('Fastgen');
  for (const [id, command] of Object.entries(commands)) {
    registry.addCommand(id, {
      ...command,
      describedBy: { args: NO_ARGUMENTS }
    });
    palette?.addItem({ command: id, category });
  }
}
