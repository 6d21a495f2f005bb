import { Extension, Prec } from '@codemirror/state';
import { EditorView } from '@codemirror/view';
import { CommandRegistry } from '@lumino/commands';
import { CommandIDs } from '../commands';
import { Completers, isShowing } from './completers';

const PARTS: ReadonlySet<string> = new Set([
  CommandIDs.acceptWord,
  CommandIDs.acceptLine
]);

/**
 * Makes the keys that accept a part of a suggestion go before the editor's.
 * The application looks at a key only after the editor, which moves the cursor
 * with these.
 *
 * @param commands - knows which keys the person has bound
 * @param completers - know whether a suggestion is shown
 */
export function partKeys(
  commands: CommandRegistry,
  completers: Completers
): Extension {
  return Prec.highest(
    EditorView.domEventHandlers({
      keydown: (event, view) => {
        const completer = completers.of(view);
        if (!completer || !isShowing(completer)) {
          return false;
        }
        const stroke = CommandRegistry.keystrokeForKeydownEvent(event);
        const bound = commands.keyBindings.find(
          ({ command, keys }) =>
            PARTS.has(command) && keys.length === 1 && keys[0] === stroke
        );
        if (bound) {
          void commands.execute(bound.command);
        }
        return !!bound;
      }
    })
  );
}
