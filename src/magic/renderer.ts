import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { Widget } from '@lumino/widgets';
import { Answer, Answers } from './answer';
import type { AnswerView } from './view';

/** What the kernel displays for an answer, beside its text. */
export const MIME_TYPE = 'application/vnd.jupyter-fastgen.answer+json';

/** The data of that type. */
interface IBundle {
  /** Id of the widget. */
  readonly model?: string;
  readonly language?: string;
}

/**
 * An output of the magic: the live answer where its kernel lives, and else the
 * text that is saved in the notebook.
 */
export class AnswerRenderer extends Widget implements IRenderMime.IRenderer {
  /** @param open - makes a view of an answer */
  constructor(
    private readonly answers: Answers,
    private readonly open: (answer: Answer) => Promise<AnswerView>
  ) {
    super();
    this.addClass('jp-fastgen-AnswerOutput');
    answers.added.connect(this._onAdded, this);
  }

  /** Shows an output, or what the kernel has made of it. */
  async renderModel(output: IRenderMime.IMimeModel): Promise<void> {
    const { data } = output;
    this._output = output;
    const { model = '', language } = (data[MIME_TYPE] ?? {}) as IBundle;
    this._id = model;
    const live = this.answers.find(model);
    if (!live || live !== this._shown) {
      const text = textIn(data['text/plain']);
      // Code is fenced in Markdown; without any it is a sentence.
      const isCode = textIn(data['text/markdown']) !== text;
      const saved = isCode
        ? new Answer({ phase: 'done', language }, text)
        : new Answer({ phase: 'done', why: text }, '');
      await this._mount(live ?? saved);
    }
  }

  override dispose(): void {
    this.answers.added.disconnect(this._onAdded, this);
    this._shown?.changed.disconnect(this._keep, this);
    this._view?.dispose();
    super.dispose();
  }

  protected override onAfterAttach(): void {
    this._view?.refresh();
  }

  private _onAdded(_: Answers, id: string): void {
    if (id === this._id) {
      void this._mount(this.answers.find(id)!);
    }
  }

  /** Shows an answer in the place of what was shown. */
  private async _mount(answer: Answer): Promise<void> {
    this._shown?.changed.disconnect(this._keep, this);
    this._shown = answer;
    answer.changed.connect(this._keep, this);
    const view = await this.open(answer);
    if (this.isDisposed || this._shown !== answer) {
      view.dispose();
      return;
    }
    this._view?.dispose();
    this._view = view;
    this.node.append(view.node);
    view.refresh();
    this._keep(answer);
  }

  /**
   * Puts the text into the notebook once it has ended. The kernel does so too,
   * but a kernel that is gone cannot, and a page that is loaded anew is not told.
   */
  private _keep(answer: Answer): void {
    const { data } = this._output!;
    const { text, isRunning, isConnected, isCutOff } = answer;
    const isOver = isCutOff || (isConnected && !isRunning);
    if (isOver && text !== '' && text !== textIn(data['text/plain'])) {
      const others = Object.entries(data).filter(
        ([type]) => type !== 'text/markdown'
      );
      this._output!.setData({
        data: { ...Object.fromEntries(others), 'text/plain': text }
      });
    }
  }

  private _id = '';
  private _output: IRenderMime.IMimeModel | null = null;
  private _shown: Answer | null = null;
  private _view: AnswerView | null = null;
}

/** Text as notebooks hold it: whole, or in lines. */
function textIn(data: unknown): string {
  return Array.isArray(data) ? data.join('') : `${data ?? ''}`;
}
