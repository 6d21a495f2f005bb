import type { Translate } from '../diff/texts';
import type { Answer } from './answer';
import { costText, phaseText, promptText, whyText } from './texts';

/** What was asked, and how far its answer is. */
export class Course {
  constructor(
    private readonly answer: Answer,
    private readonly trans: Translate
  ) {
    const head = document.createElement('div');
    head.className = 'jp-fastgen-Answer-header';
    this._prompt.className = 'jp-fastgen-Answer-prompt';
    this._status.className = 'jp-fastgen-Answer-status';
    head.append(this._prompt, this._status);
    this._bar.className = 'jp-fastgen-Answer-bar';
    this._bar.setAttribute('role', 'progressbar');
    this._bar.append(document.createElement('div'));
    this._why.className = 'jp-fastgen-Answer-why';
    this.nodes = [head, this._bar, this._why];
  }

  readonly nodes: readonly HTMLElement[];

  /** Shows it as it is now. */
  draw(): void {
    const { answer, trans } = this;
    const { phase, progress } = answer.traits;
    const prompt = promptText(answer);
    // An answer that was only saved has no course.
    const isKnown = answer.isConnected || prompt !== '';
    this.nodes[0].hidden = !isKnown;
    this._prompt.textContent = prompt;
    this._prompt.title = prompt;
    const { image } = answer.traits;
    const status = [
      image && trans.__('Picture: %1', image),
      phaseText(answer, trans),
      answer.traits.by,
      costText(answer, trans)
    ];
    this._status.textContent = status.filter(Boolean).join(' · ');
    this._why.textContent = whyText(answer);
    this._why.hidden = this._why.textContent === '';
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

  private readonly _prompt = document.createElement('span');
  private readonly _status = document.createElement('span');
  private readonly _bar = document.createElement('div');
  private readonly _why = document.createElement('div');
}
