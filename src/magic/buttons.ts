import { Clipboard } from '@jupyterlab/apputils';
import { button } from '../diff/controls';
import type { Translate } from '../diff/texts';
import type { Actions, IPlace } from './actions';
import type { Answer } from './answer';

/** Milliseconds a button says that it has copied. */
const COPIED_MS = 1500;

type Action =
  'stop' | 'insert' | 'replace' | 'run' | 'diff' | 'edit' | 'retry' | 'copy';

/** What can be done with an answer: those buttons are shown that do something now. */
export class AnswerButtons {
  constructor(private readonly options: AnswerButtons.IOptions) {
    this._buttons = this._make();
    this.node.className = 'jp-fastgen-Answer-buttons';
    this.node.append(...Object.values(this._buttons));
  }

  readonly node = document.createElement('div');

  /** Shows what can be done at a place; a button that goes hands its focus on. */
  draw(place: IPlace | null): void {
    const { answer, actions, trans } = this.options;
    const { target, prompt } = answer.traits;
    const isOver = !answer.isRunning;
    const hasText = answer.text !== '';
    const isCode = isOver && hasText && !answer.isEdit;
    const shown: { [action in Action]: boolean } = {
      stop: answer.isRunning,
      insert: isCode && place !== null,
      replace: isCode && place !== null && actions.canReplace(place),
      run: isCode && place !== null,
      diff: isCode && place !== null && actions.canCompare(place),
      edit: isOver && place !== null && actions.canEdit(place, target),
      retry: isOver && answer.isConnected && target === '' && prompt !== '',
      copy: isOver && hasText
    };
    const focused = document.activeElement as HTMLElement | null;
    for (const [action, node] of Object.entries(this._buttons)) {
      node.hidden = !shown[action as Action];
    }
    if (isOver) {
      this._buttons.stop.textContent = trans.__('Stop');
    }
    if (focused?.hidden && this.node.contains(focused)) {
      this.focus();
    }
  }

  /** Gives the focus to the first button. */
  focus(): void {
    const nodes = Object.values(this._buttons);
    nodes.find(node => !node.hidden)?.focus();
  }

  private _make(): { [action in Action]: HTMLButtonElement } {
    const { answer, actions, retry, trans } = this.options;
    // The last newline of an answer would be an empty line in a cell.
    const code = () => answer.text.replace(/\n+$/, '');
    const make = (
      action: Action,
      label: string,
      caption: string,
      act: (place: IPlace) => unknown
    ) => {
      const node = button(action, label, () => {
        const place = actions.placeOf(this.node);
        if (place) {
          void act(place);
        }
      });
      node.title = caption;
      return node;
    };
    const stop = button('stop', trans.__('Stop'), () => {
      stop.textContent = trans.__('Stopping…');
      actions.stop(answer).catch(error => {
        // The kernel is told, too, and hears of it when it is free.
        console.warn('jupyter_fastgen could not reach the server', error);
      });
    });
    return {
      stop,
      insert: make(
        'insert',
        trans.__('Insert Below'),
        trans.__('Put the code into a new cell below'),
        place => actions.insert(place, code())
      ),
      replace: make(
        'replace',
        trans.__('Replace Cell'),
        trans.__('Put the code in the place of this cell'),
        place => actions.replace(place, code())
      ),
      run: make(
        'run',
        trans.__('Accept and Run'),
        trans.__('Put the code into a new cell below and run it'),
        place => actions.insertAndRun(place, code())
      ),
      diff: make(
        'diff',
        trans.__('Diff'),
        trans.__('Show what the cell below would become'),
        place => actions.compare(place, code())
      ),
      edit: make(
        'edit',
        trans.__('Edit Cell'),
        trans.__('Ask for the changes of the cell again'),
        place => actions.edit(place, answer.traits)
      ),
      retry: button('retry', trans.__('Retry'), retry),
      copy: this._makeCopy()
    };
  }

  private _makeCopy(): HTMLButtonElement {
    const { answer, say, trans } = this.options;
    const copy = button('copy', trans.__('Copy'), () => {
      Clipboard.copyToSystem(answer.text);
      say(trans.__('Copied'));
      copy.textContent = trans.__('Copied');
      setTimeout(() => (copy.textContent = trans.__('Copy')), COPIED_MS);
    });
    return copy;
  }

  private readonly _buttons: { [action in Action]: HTMLButtonElement };
}

export namespace AnswerButtons {
  /** What the buttons are of. */
  export interface IOptions {
    readonly answer: Answer;
    readonly actions: Actions;
    /** Lets the person say what should be written instead. */
    readonly retry: () => void;
    readonly say: (sentence: string) => void;
    readonly trans: Translate;
  }
}
