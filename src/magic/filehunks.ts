import { button } from '../diff/controls';
import type { Translate } from '../diff/texts';
import { clean } from '../client/clean';
import type { IFileHunk, ITraits } from './answer';

const NAME = 'jp-fastgen-FileHunk';

/** The changes of a file, of which a person takes some. */
export class FileHunks {
  /** @param apply - gets the numbers of the changes that are taken */
  constructor(
    apply: (take: number[]) => void,
    private readonly trans: Translate
  ) {
    this.node.className = 'jp-fastgen-Answer-hunks';
    this._apply = button('apply', trans.__('Apply'), () => {
      // Once is enough: the kernel answers with what has become of them.
      this._apply.disabled = true;
      apply(this._taken);
    });
    this._list.addEventListener('change', () => this._drawButton());
    this.node.append(this._title, this._list, this._apply);
  }

  readonly node = document.createElement('div');

  /** Shows the changes; without a kernel they can only be read. */
  show({ hunks, path }: ITraits, isConnected: boolean): void {
    this.node.hidden = hunks.length === 0;
    this._isConnected = isConnected;
    if (this._hunks !== hunks) {
      this._hunks = hunks;
      this._title.textContent = this.trans.__('Changes of %1', path);
      this._list.replaceChildren(
        ...hunks.map((hunk, index) => this._make(hunk, index))
      );
    }
    this._drawButton();
  }

  private get _boxes(): HTMLInputElement[] {
    return [...this._list.querySelectorAll('input')];
  }

  private get _taken(): number[] {
    return this._boxes.flatMap(({ checked }, index) => (checked ? index : []));
  }

  private _make(hunk: IFileHunk, index: number): HTMLElement {
    const { trans } = this;
    const { old = [], start, end, label, reasons } = hunk;
    const node = document.createElement('div');
    node.className = NAME;
    node.classList.toggle('jp-fastgen-mod-doubtful', reasons.length > 0);
    const box = document.createElement('input');
    box.type = 'checkbox';
    box.checked = reasons.length === 0;
    const place =
      end - start > 1
        ? trans.__('lines %1 to %2', start + 1, end)
        : trans.__('line %1', start + 1);
    const title = document.createElement('label');
    title.append(box, [label, place].filter(Boolean).join(', '));
    box.setAttribute(
      'aria-label',
      trans.__('Change %1: %2', index + 1, title.textContent!)
    );
    node.append(title);
    for (const reason of reasons) {
      node.append(textNode('div', `${NAME}-reason`, reason));
    }
    const lines = document.createElement('pre');
    lines.append(
      ...old.map(line => textNode('del', `${NAME}-old`, line)),
      ...hunk.new.map(line => textNode('ins', `${NAME}-new`, clean(line)))
    );
    node.append(lines);
    return node;
  }

  private _drawButton(): void {
    const { length } = this._taken;
    this._apply.textContent = this.trans._n(
      'Apply %1 Change',
      'Apply %1 Changes',
      length
    );
    this._apply.disabled = !this._isConnected || length === 0;
    this._boxes.forEach(box => (box.disabled = !this._isConnected));
  }

  private readonly _title = document.createElement('div');
  private readonly _list = document.createElement('div');
  private readonly _apply: HTMLButtonElement;
  private _hunks: readonly IFileHunk[] = [];
  private _isConnected = false;
}

function textNode(tag: string, name: string, text: string): HTMLElement {
  const node = document.createElement(tag);
  node.className = name;
  node.textContent = text;
  return node;
}
