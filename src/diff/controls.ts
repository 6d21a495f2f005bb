import { CommandIDs } from '../commands';
import type { Hunk, ILinesHunk } from './hunk';
import { description, IPosition, summary, Translate } from './texts';

/** What a person can do about a hunk. */
export interface IHunkActions {
  readonly accept: (hunk: Hunk) => void;
  readonly reject: (hunk: Hunk) => void;
  /** Accepts what comes, with the old lines left where they are. */
  readonly acceptKeeping: (hunk: ILinesHunk) => void;
  /** The keys of a command as a person reads them; '' if it has none. */
  readonly keysOf: (command: string) => string;
  readonly trans: Translate;
}

const CONTROLS = 'jp-fastgen-HunkControls';

/** The buttons of a hunk and a few words on it; `updateControls` says which one it is. */
export function hunkControls(hunk: Hunk, actions: IHunkActions): HTMLElement {
  const { trans } = actions;
  const node = document.createElement('div');
  node.className = CONTROLS;
  node.setAttribute('role', 'group');
  if (hunk.isProvisional) {
    node.append(text('summary', summary(hunk, trans)));
    return node;
  }
  const accept = button('accept', trans.__('Accept'), () =>
    actions.accept(hunk)
  );
  const reject = button('reject', trans.__('Reject'), () =>
    actions.reject(hunk)
  );
  accept.title = actions.keysOf(CommandIDs.acceptHunk);
  reject.title = actions.keysOf(CommandIDs.rejectHunk);
  node.append(accept);
  if (hunk.kind === 'lines' && hunk.other) {
    node.append(
      button('accept-keeping', trans.__('Accept, Keep Old Lines'), () =>
        actions.acceptKeeping(hunk)
      )
    );
  }
  node.append(reject);
  if (hunk.label) {
    node.append(text('label', hunk.label));
  }
  node.append(text('summary', summary(hunk, trans)));
  hunk.reasons.forEach(reason => node.append(text('reason', reason)));
  keepFocus(node);
  return node;
}

/** Says inside `node` which of all hunks this is, and whether keys are about it. */
export function updateControls(
  node: HTMLElement,
  hunk: Hunk,
  position: IPosition,
  isCurrent: boolean,
  { trans }: IHunkActions
): void {
  node.classList.toggle('jp-fastgen-mod-current', isCurrent);
  node.classList.toggle('jp-fastgen-mod-provisional', hunk.isProvisional);
  node.classList.toggle('jp-fastgen-mod-doubtful', hunk.reasons.length > 0);
  const controls = node.querySelector(`.${CONTROLS}`)!;
  const label = description(hunk, position, trans);
  controls.setAttribute('aria-label', label);
  controls.querySelectorAll('button').forEach(button => {
    button.setAttribute('aria-label', `${button.textContent}. ${label}`);
  });
}

/** The button to focus for a hunk shown inside `node`, `null` if none is. */
export function acceptButton(node: Element): HTMLElement | null {
  return node.querySelector('.jp-fastgen-mod-current [data-action="accept"]');
}

/** Keys that may belong to a command also where a button has the focus. */
function isShortcut({ key, ctrlKey, altKey, metaKey }: KeyboardEvent): boolean {
  const isModifier = /^(Alt|Control|Meta|Shift)$/.test(key);
  return key === 'Escape' || (!isModifier && (ctrlKey || altKey || metaKey));
}

/**
 * Lets what is inside a cell keep the focus. A notebook would give it to the
 * editor, when it comes and at each key.
 */
export function keepFocus(node: HTMLElement): void {
  node.addEventListener('focusin', event => event.stopPropagation());
  node.addEventListener('keydown', event => {
    if (!isShortcut(event)) {
      event.stopPropagation();
    }
  });
}

/** A real button that does something. */
export function button(
  action: string,
  label: string,
  act: () => void
): HTMLButtonElement {
  const node = document.createElement('button');
  node.type = 'button';
  node.className = 'jp-fastgen-Button';
  node.dataset.action = action;
  node.textContent = label;
  node.addEventListener('click', act);
  return node;
}

function text(name: string, content: string): HTMLElement {
  const node = document.createElement('span');
  node.className = `${CONTROLS}-${name}`;
  node.textContent = content;
  return node;
}
