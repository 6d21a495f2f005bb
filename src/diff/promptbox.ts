import { ISignal, Signal } from '@lumino/signaling';
import { button, keepFocus } from './controls';
import type { InstructionHistory } from './history';
import { IScope, scopeText } from './scope';
import type { Translate } from './texts';

/** What the person wants, and of what. */
export interface IAsked {
  readonly instruction: string;
  readonly scope: IScope;
}

/** Where a person says what to change; its node may be put anywhere. */
export class PromptBox {
  /**
   * @param scopes - what the edit may be about, the likeliest first
   */
  constructor(
    private readonly scopes: readonly IScope[],
    isNotebook: boolean,
    private readonly history: InstructionHistory,
    trans: Translate
  ) {
    this.node.className = 'jp-fastgen-Prompt';
    this.node.setAttribute('role', 'group');
    // Keys are the input's, also where the application looks at them first.
    this.node.dataset.lmSuppressShortcuts = 'true';
    this.node.setAttribute('aria-label', trans.__('Edit with the local model'));
    this._input.className = 'jp-fastgen-Prompt-input';
    this._input.placeholder = trans.__('What should change?');
    this._input.setAttribute('aria-label', this._input.placeholder);
    this._select.className = 'jp-fastgen-Prompt-scope';
    this._select.setAttribute('aria-label', trans.__('What may change'));
    scopes.forEach((scope, index) => {
      const label = scopeText(scope, isNotebook, trans);
      this._select.add(new Option(label, `${index}`));
    });
    this._select.disabled = scopes.length === 1;
    this._select.addEventListener('change', () =>
      this._scopeChanged.emit(this.scope)
    );
    this._status.className = 'jp-fastgen-Prompt-status';
    this._ask = button('ask', trans.__('Ask'), () => this._submit());
    this._cancel = button('cancel', trans.__('Cancel'), () =>
      this._cancelled.emit()
    );
    const row = document.createElement('div');
    row.className = 'jp-fastgen-Prompt-row';
    row.append(this._input, this._select, this._ask, this._cancel);
    this.node.append(row, this._status);
    this.node.addEventListener('keydown', event => this._onKey(event));
    keepFocus(this.node);
    this.setStatus('', false);
  }

  readonly node = document.createElement('div');

  /** Emitted when the person asks. */
  get asked(): ISignal<this, IAsked> {
    return this._asked;
  }

  /** Emitted when the edit is to be about something else. */
  get scopeChanged(): ISignal<this, IScope> {
    return this._scopeChanged;
  }

  /** Emitted when the person gives up: the box, or what it asked for. */
  get cancelled(): ISignal<this, void> {
    return this._cancelled;
  }

  /** What the edit is to be about. */
  get scope(): IScope {
    return this.scopes[Number(this._select.value)];
  }

  /** Shows what the edit is doing, or why nothing came of it. */
  setStatus(status: string, isRunning: boolean): void {
    this._status.textContent = status;
    this._status.hidden = status === '';
    this._input.readOnly = isRunning;
    this._select.disabled = isRunning || this.scopes.length === 1;
    this._ask.hidden = isRunning;
    this.node.classList.toggle('jp-fastgen-mod-running', isRunning);
  }

  /** Puts a text into the input, all of it selected. */
  fill(text: string): void {
    this._input.value = text;
    this._input.select();
  }

  /** Lets the person type. */
  focus(): void {
    this._input.focus({ preventScroll: true });
  }

  private _onKey(event: KeyboardEvent): void {
    const { key, isComposing } = event;
    // The editor and the notebook would act on it.
    event.stopPropagation();
    if (isComposing) {
      // The key is the input method's.
      return;
    } else if (key === 'Escape') {
      event.preventDefault();
      this._cancelled.emit();
    } else if (event.target !== this._input) {
      return;
    } else if (key === 'Enter') {
      event.preventDefault();
      this._submit();
    } else if (key === 'ArrowUp' || key === 'ArrowDown') {
      event.preventDefault();
      this._recall(key === 'ArrowUp' ? 1 : -1);
    }
  }

  private _submit(): void {
    const instruction = this._input.value.trim();
    if (instruction && !this._input.readOnly) {
      this.history.add(instruction);
      this._asked.emit({ instruction, scope: this.scope });
    }
  }

  /** Goes through what was asked before; behind the newest is what was typed. */
  private _recall(step: 1 | -1): void {
    const { all } = this.history;
    const index = Math.min(this._recalled + step, all.length - 1);
    if (this._recalled < 0) {
      this._typed = this._input.value;
    }
    if (!this._input.readOnly && index >= -1 && index !== this._recalled) {
      this._recalled = index;
      this._input.value = index < 0 ? this._typed : all[index];
    }
  }

  private readonly _input = document.createElement('input');
  private readonly _select = document.createElement('select');
  private readonly _status = document.createElement('div');
  private readonly _ask: HTMLButtonElement;
  private readonly _cancel: HTMLButtonElement;
  /** Which of the history is in the input, -1 for none. */
  private _recalled = -1;
  private _typed = '';
  private readonly _asked = new Signal<this, IAsked>(this);
  private readonly _scopeChanged = new Signal<this, IScope>(this);
  private readonly _cancelled = new Signal<this, void>(this);
}
