import type { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { keepFocus } from '../diff/controls';
import type { Translate } from '../diff/texts';
import type { Actions } from './actions';
import type { Answer } from './answer';
import { AnswerButtons } from './buttons';
import { CodePane } from './code';
import { Course } from './course';
import { FileHunks } from './filehunks';
import { RetryField } from './retry';
import { phaseSentence, promptText } from './texts';

/** Lines of the skeleton, as they will be there until the first text comes. */
const SKELETON_LINES = 3;

/** An answer as a person sees it. */
export class AnswerView {
  constructor(private readonly options: AnswerView.IOptions) {
    const { answer, actions, languages, say, trans } = options;
    this.node.className = 'jp-fastgen-Answer';
    this.node.setAttribute('role', 'group');
    this._course = new Course(answer, trans);
    this._code = new CodePane(languages, trans.__('Code of the answer'));
    this._hunks = new FileHunks(take => {
      answer.tell({ do: 'apply', take });
      this._buttons.focus();
    }, trans);
    this._retry = new RetryField(prompt => {
      answer.tell({ do: 'retry', prompt });
      this._buttons.focus();
    }, trans);
    const retry = () => this._retry.open(answer.traits.prompt);
    this._buttons = new AnswerButtons({ answer, actions, retry, say, trans });
    this.node.append(
      ...this._course.nodes,
      this._skeleton,
      this._code.node,
      this._hunks.node,
      this._buttons.node,
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
    const { language, phase, target } = answer.traits;
    const place = actions.placeOf(this.node);
    this.node.dataset.phase = answer.isCutOff ? 'stopped' : phase;
    const asked = promptText(answer);
    this.node.setAttribute(
      'aria-label',
      asked ? trans.__('Answer to: %1', asked) : trans.__('Saved answer')
    );
    this._course.draw();
    this._drawRoom();
    if (this._language !== language) {
      this._language = language;
      void this._code.colour(language);
    }
    this._hunks.show(answer.traits, answer.isConnected);
    this._buttons.draw(place);
    if (!answer.isConnected || answer.isRunning) {
      this._retry.close();
    }
    if (place && actions.canEdit(place, target) && answer.begin()) {
      actions.edit(place, answer.traits);
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
    const before = this.node.dataset.phase;
    this.refresh();
    if (this.node.dataset.phase !== before) {
      say(phaseSentence(answer, trans));
    }
  }

  private _onGrown(_: Answer, piece: string | null): void {
    if (piece === null) {
      this._code.set(this.options.answer.text);
    } else {
      this._code.append(piece);
    }
    if (piece === null || this._code.node.hidden) {
      this._drawRoom();
    }
  }

  /** Shows the code, or where it will be. */
  private _drawRoom(): void {
    const { answer } = this.options;
    this._code.node.hidden = answer.text === '';
    this._skeleton.hidden = answer.text !== '' || !answer.isRunning;
  }

  private readonly _course: Course;
  private readonly _skeleton = skeleton();
  private readonly _code: CodePane;
  private readonly _hunks: FileHunks;
  private readonly _buttons: AnswerButtons;
  private readonly _retry: RetryField;
  private _language = '';
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

function skeleton(): HTMLElement {
  const node = document.createElement('div');
  node.className = 'jp-fastgen-Answer-skeleton';
  node.setAttribute('aria-hidden', 'true');
  for (let line = 0; line < SKELETON_LINES; line++) {
    node.append(document.createElement('div'));
  }
  return node;
}
