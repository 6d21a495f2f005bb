import { button } from '../diff/controls';
import type { Translate } from '../diff/texts';

/** Lines of the field at most; it scrolls. */
const MOST_ROWS = 12;

/** Where a person says what should be written instead. */
export class RetryField {
  /** @param ask - gets what was said */
  constructor(
    private readonly ask: (prompt: string) => void,
    trans: Translate
  ) {
    this.node.className = 'jp-fastgen-Answer-retry';
    // Keys are the field's, also where the application looks at them first.
    this.node.dataset.lmSuppressShortcuts = 'true';
    this._input.className = 'jp-fastgen-Prompt-input';
    this._input.setAttribute('aria-label', trans.__('What should be written?'));
    this._input.addEventListener('keydown', event => this._onKey(event));
    this.node.append(
      this._input,
      button('ask', trans.__('Ask'), () => this._submit()),
      button('cancel', trans.__('Cancel'), () => this._giveUp())
    );
    this.close();
  }

  readonly node = document.createElement('div');

  /** Lets the person change what was asked. */
  open(prompt: string): void {
    this._opener = document.activeElement as HTMLElement | null;
    this._input.value = prompt;
    this._input.rows = Math.min(prompt.split('\n').length, MOST_ROWS);
    this.node.hidden = false;
    this._input.focus();
    this._input.select();
  }

  /** Takes the field away. */
  close(): void {
    this.node.hidden = true;
  }

  private _onKey(event: KeyboardEvent): void {
    const { key, isComposing, shiftKey } = event;
    // The notebook would act on it.
    event.stopPropagation();
    if (isComposing) {
      // The key is the input method's.
      return;
    } else if (key === 'Escape') {
      event.preventDefault();
      this._giveUp();
    } else if (key === 'Enter' && !shiftKey) {
      event.preventDefault();
      this._submit();
    }
  }

  private _submit(): void {
    const prompt = this._input.value.trim();
    if (prompt) {
      this.close();
      this.ask(prompt);
    }
  }

  private _giveUp(): void {
    this.close();
    this._opener?.focus();
  }

  private readonly _input = document.createElement('textarea');
  private _opener: HTMLElement | null = null;
}
