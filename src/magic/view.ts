import { Clipboard } from '@jupyterlab/apputils';
import type { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { button, keepFocus } from '../diff/controls';
import type { Translate } from '../diff/texts';
import type { Actions, IPlace } from './actions';
import type { Answer } from './answer';
import { CodePane } from './code';
import { FileHunks } from './filehunks';
import { RetryField } from './retry';
import { costText, phaseSentence, phaseText } from './texts';

/** Lines of the skeleton, as they will be there until the first text comes. */
const SKELETON_LINES = 3;

/** Milliseconds a button says that it has copied. */
const COPIED_MS = 1500;

const NAME = 'jp-fastgen-Answer';

type Action =
  'stop' | 'insert' | 'replace' | 'run' | 'diff' | 'edit' | 'retry' | 'copy';

/** An answer as a person sees it: what it is doing, its code, and what can be done with it. */
export class AnswerView {
  constructor(private readonly options: AnswerView.IOptions) {
    const { answer, languages, trans } = options;
    this.node.className = NAME;
    this.node.setAttribute('role', 'group');
    this._status.className = `${NAME}-status`;
    this._prompt.className = `${NAME}-prompt`;
    this._why.className = `${NAME}-why`;
    this._bar.className = `${NAME}-bar`;
    this._bar.setAttribute('role', 'progressbar');
    this._bar.append(document.createElement('div'));
    this._code = new CodePane(languages, trans.__('Code of the answer'));
    this._hunks = new FileHunks(
      take => answer.tell({ do: 'apply', take }),
      trans
    );
    this._retry = new RetryField(prompt => {
      answer.tell({ do: 'retry', prompt });
      this._focusFirst();
    }, trans);
    this._buttons = this._makeButtons();
    this.node.append(
      element('header', this._prompt, this._status),
      this._bar,
      this._why,
      this._skeleton,
      this._code.node,
      this._hunks.node,
      element('buttons', ...Object.values(this._buttons)),
      this._retry.node
    );
    keepFocus(this.node);
    answer.changed.connect(this._onChanged, this);
    answer.grown.connect(this._onGrown, this);
    this._code.set(answer.text);
    this.refresh();
  }

  readonly node = document.createElement('div');

  /** Shows all as it is now, also where this has come to another place. */
  refresh(): void {
    const { answer, actions, trans } = this.options;
    const { traits, text } = answer;
    const place = actions.placeOf(this.node);
    const label = traits.prompt
      ? trans.__('Answer to: %1', traits.prompt)
      : trans.__('Saved answer');
    this.node.setAttribute('aria-label', label);
    this.node.dataset.phase = answer.isCutOff ? 'stopped' : traits.phase;
    this._prompt.textContent = traits.prompt;
    this._prompt.title = traits.prompt;
    const status = [phaseText(answer, trans), costText(answer, trans)];
    this._status.textContent = status.filter(Boolean).join(' · ');
    // An answer that was only saved has no course.
    this.node.classList.toggle(
      'jp-fastgen-mod-saved',
      !answer.isConnected && traits.prompt === ''
    );
    this._why.textContent = traits.why;
    this._why.hidden = traits.why === '';
    this._drawProgress();
    this._drawLength();
    if (this._language !== traits.language) {
      this._language = traits.language;
      void this._code.colour(traits.language);
    }
    this._hunks.show(traits, answer.isConnected);
    this._drawButtons(place, text !== '');
    if (!answer.isConnected || answer.isRunning) {
      this._retry.close();
    }
    if (place && actions.canEdit(place, traits.target) && answer.begin()) {
      actions.edit(place, traits.target, traits.prompt);
    }
  }

  /** Takes it away. */
  dispose(): void {
    const { answer } = this.options;
    answer.changed.disconnect(this._onChanged, this);
    answer.grown.disconnect(this._onGrown, this);
    this._code.dispose();
    this.node.remove();
  }

  private _onChanged(): void {
    const { answer, say, trans } = this.options;
    this.refresh();
    const { phase } = this.node.dataset;
    if (phase !== this._said) {
      this._said = phase;
      say(phaseSentence(answer, trans));
    }
  }

  private _onGrown(_: Answer, piece: string | null): void {
    if (piece === null) {
      this._code.set(this.options.answer.text);
      this._drawLength();
    } else {
      this._code.append(piece);
      if (this._code.node.hidden) {
        this._drawLength();
      }
    }
  }

  /** Shows the code, or where it will be. */
  private _drawLength(): void {
    const { answer } = this.options;
    const isEmpty = answer.text === '';
    this._code.node.hidden = isEmpty;
    this._skeleton.hidden = !isEmpty || !answer.isRunning;
  }

  private _drawProgress(): void {
    const { answer, trans } = this.options;
    const { phase, progress } = answer.traits;
    this._bar.hidden = !answer.isRunning || phase === 'writing';
    this._bar.setAttribute('aria-label', phaseText(answer, trans));
    this._bar.classList.toggle('jp-fastgen-mod-unknown', progress === null);
    if (progress === null) {
      this._bar.removeAttribute('aria-valuenow');
    } else {
      const percent = Math.round(progress * 100);
      this._bar.setAttribute('aria-valuenow', `${percent}`);
      this._bar.style.setProperty('--jp-fastgen-progress', `${percent}%`);
    }
  }

  /** Shows the buttons that do something now; one that has the focus hands it on. */
  private _drawButtons(place: IPlace | null, hasText: boolean): void {
    const { answer, actions } = this.options;
    const { target, prompt } = answer.traits;
    const isOver = !answer.isRunning;
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
    const focused = document.activeElement;
    for (const [action, node] of Object.entries(this._buttons)) {
      node.hidden = !shown[action as Action];
    }
    this._buttons.stop.disabled &&= isOver;
    if (focused instanceof HTMLButtonElement && focused.hidden) {
      if (this.node.contains(focused)) {
        this._focusFirst();
      }
    }
  }

  private _focusFirst(): void {
    const nodes = Object.values(this._buttons);
    nodes.find(node => !node.hidden && !node.disabled)?.focus();
  }

  private _makeButtons(): { [action in Action]: HTMLButtonElement } {
    const { answer, actions, say, trans } = this.options;
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
      stop.disabled = true;
      answer.tell({ do: 'stop' });
    });
    const copy = button('copy', trans.__('Copy'), () => {
      Clipboard.copyToSystem(answer.text);
      say(trans.__('Copied'));
      copy.textContent = trans.__('Copied');
      setTimeout(() => (copy.textContent = trans.__('Copy')), COPIED_MS);
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
        place => {
          const { target, prompt } = answer.traits;
          actions.edit(place, target, prompt);
        }
      ),
      retry: button('retry', trans.__('Retry'), () =>
        this._retry.open(answer.traits.prompt)
      ),
      copy
    };
  }

  private readonly _prompt = document.createElement('span');
  private readonly _status = document.createElement('span');
  private readonly _bar = document.createElement('div');
  private readonly _why = document.createElement('div');
  private readonly _skeleton = skeleton();
  private readonly _code: CodePane;
  private readonly _hunks: FileHunks;
  private readonly _retry: RetryField;
  private readonly _buttons: { [action in Action]: HTMLButtonElement };
  private _language = '';
  private _said = this.options.answer.traits.phase as string | undefined;
}

export namespace AnswerView {
  /** What a view is of, and what it uses. */
  export interface IOptions {
    readonly answer: Answer;
    readonly actions: Actions;
    readonly languages: IEditorLanguageRegistry;
    /** Tells it to a person who does not see the page. */
    readonly say: (sentence: string) => void;
    readonly trans: Translate;
  }
}

function element(name: string, ...children: Node[]): HTMLElement {
  const node = document.createElement('div');
  node.className = `${NAME}-${name}`;
  node.append(...children);
  return node;
}

function skeleton(): HTMLElement {
  const lines = Array.from({ length: SKELETON_LINES }, () =>
    document.createElement('div')
  );
  const node = element('skeleton', ...lines);
  node.setAttribute('aria-hidden', 'true');
  return node;
}
