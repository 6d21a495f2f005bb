import { EditorView, WidgetType } from '@codemirror/view';
import { hunkControls, IHunkActions, updateControls } from './controls';
import { highlightLines, linesOf } from './highlight';
import type { ILinesHunk } from './hunk';
import type { IPosition } from './texts';
import type { IRange } from './words';

/** What a hunk's widget shows. */
export interface IShownHunk {
  readonly hunk: ILinesHunk;
  readonly position: IPosition;
  readonly isCurrent: boolean;
  /** What differs from the old lines, in the fresh lines joined. */
  readonly added: readonly IRange[];
}

/** The lines that a hunk brings, and below them what to do about it. */
export class HunkWidget extends WidgetType {
  constructor(
    private readonly shown: IShownHunk,
    private readonly actions: IHunkActions
  ) {
    super();
    this._start = shown.hunk.start;
  }

  override eq(other: HunkWidget): boolean {
    const [a, b] = [this.shown, other.shown];
    return (
      a.hunk === b.hunk &&
      this._start === other._start &&
      a.isCurrent === b.isCurrent &&
      a.position.number === b.position.number &&
      a.position.count === b.position.count
    );
  }

  toDOM(view: EditorView): HTMLElement {
    const { hunk, added, position, isCurrent } = this.shown;
    const node = document.createElement('div');
    node.className = 'jp-fastgen-Hunk';
    if (hunk.fresh.length > 0) {
      node.append(freshLines(hunk, added, view));
    }
    node.append(hunkControls(hunk, this.actions));
    updateControls(node, hunk, position, isCurrent, this.actions);
    shownIn.set(node, hunk);
    return node;
  }

  /** A widget whose buttons may have the focus is kept where only its number changes. */
  override updateDOM(node: HTMLElement): boolean {
    const { hunk, position, isCurrent } = this.shown;
    if (shownIn.get(node) !== hunk) {
      return false;
    }
    updateControls(node, hunk, position, isCurrent, this.actions);
    return true;
  }

  override get estimatedHeight(): number {
    return 20 * (this.shown.hunk.fresh.length + 1);
  }

  override ignoreEvent(): boolean {
    return true;
  }

  /** Where the hunk stood when this was made; it moves with its lines. */
  private readonly _start: number;
}

const shownIn = new WeakMap<HTMLElement, ILinesHunk>();

function freshLines(
  { fresh }: ILinesHunk,
  added: readonly IRange[],
  view: EditorView
): HTMLElement {
  const text = fresh.join('\n');
  const node = document.createElement('div');
  node.className = 'jp-fastgen-Hunk-fresh';
  const pieces = highlightLines(
    text,
    view.state,
    added,
    'jp-fastgen-mod-addedWord'
  );
  node.append(...linesOf(pieces, 'jp-fastgen-Hunk-line'));
  return node;
}
