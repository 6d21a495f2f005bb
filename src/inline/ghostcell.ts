import type { Notebook } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';

/** On the notebook while keys belong to its ghost cell. */
const ACTIVE_CLASS = 'jp-fastgen-mod-nextCell';

/** Shows a suggested cell below the last cell of a notebook; it is none of its cells. */
export class GhostCell {
  constructor(
    readonly notebook: Notebook,
    trans: TranslationBundle
  ) {
    const hint = document.createElement('div');
    hint.className = 'jp-fastgen-GhostCell-hint';
    hint.textContent = trans.__(
      'Suggested next cell — Tab to take it, Esc to dismiss'
    );
    this._code = document.createElement('pre');
    this._code.className = 'jp-fastgen-GhostCell-code';
    this._node = document.createElement('div');
    this._node.className = 'jp-fastgen-GhostCell';
    this._node.setAttribute('role', 'group');
    this._node.setAttribute('aria-label', hint.textContent);
    this._node.tabIndex = 0;
    this._node.append(this._code, hint);
    // The notebook would hand the focus on to its active cell.
    this._node.addEventListener('focusin', event => event.stopPropagation());
  }

  /** The text that is shown, '' if none is. */
  get text(): string {
    return this._node.isConnected ? (this._code.textContent ?? '') : '';
  }

  /** Shows `text`, instead of what was shown before. */
  show(text: string): void {
    this._code.textContent = text;
    if (!this._node.isConnected) {
      const footer = this.notebook.outerNode.querySelector(
        ':scope > .jp-Notebook-footer'
      );
      this.notebook.outerNode.insertBefore(this._node, footer);
      this.notebook.activeCellChanged.connect(this._bindKeys, this);
      this._bindKeys();
    }
  }

  /** Shows nothing any more. */
  remove(): void {
    const hadFocus = this._node.contains(document.activeElement);
    this._node.remove();
    this.notebook.activeCellChanged.disconnect(this._bindKeys, this);
    this.notebook.removeClass(ACTIVE_CLASS);
    if (hadFocus) {
      this.notebook.activate();
    }
  }

  /** Keys belong to it only beside the last cell: there it is what comes next. */
  private _bindKeys(): void {
    const { activeCellIndex, widgets } = this.notebook;
    const isNext = activeCellIndex === widgets.length - 1;
    this.notebook.toggleClass(ACTIVE_CLASS, isNext);
  }

  private readonly _node: HTMLElement;
  private readonly _code: HTMLElement;
}
