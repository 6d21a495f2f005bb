import type { Extension } from '@codemirror/state';
import { EditorView, ViewUpdate } from '@codemirror/view';
import type { CodeEditor } from '@jupyterlab/codeeditor';
import type { ICompletionProviderManager } from '@jupyterlab/completer';
import { isReviewing } from '../diff/state';
import { Completers, isShowing, release } from './completers';
import type { FastgenProvider } from './provider';
import type { Warmer } from './warmer';

/**
 * Watches every editor for what the inline completer does not notice: a line
 * that is blank so far, a cursor that moves away, the end of a composition,
 * changes that wait to be accepted, and the focus.
 */
export class Watcher {
  constructor(
    private readonly manager: ICompletionProviderManager,
    private readonly completers: Completers,
    private readonly provider: FastgenProvider,
    private readonly warmer: Warmer
  ) {}

  /** The editor that had the focus last, if it still stands. */
  get lastView(): EditorView | null {
    return this._lastView?.dom.isConnected ? this._lastView : null;
  }

  /** What makes an editor with the text of `model` be watched. */
  extension(model: CodeEditor.IModel): Extension {
    return [
      EditorView.updateListener.of(update => this._onUpdate(update, model)),
      EditorView.domEventHandlers({
        // The text of a composition counts once it is ended; by then the
        // completer has asked and been refused.
        compositionend: (_, view) => {
          setTimeout(() => this.ask(view));
        }
      })
    ];
  }

  /** Makes the completer of `view` ask as if the person had typed. */
  ask(view: EditorView): void {
    this.provider.asTyped(() => this.invoke(view));
  }

  /** Makes the completer of `view` ask, at the person's command. */
  invoke(view: EditorView): void {
    if (!this.completers.of(view)) {
      return;
    }
    // The manager knows its panels by id, and a panel's id is its node's.
    for (let node = view.dom.parentElement; node; node = node.parentElement) {
      if (node.id) {
        this.manager.inline?.invoke(node.id);
      }
    }
  }

  private _onUpdate(update: ViewUpdate, model: CodeEditor.IModel): void {
    const { view } = update;
    if (update.docChanged) {
      this.warmer.cancel();
      if (view.hasFocus && isBlankSoFar(update)) {
        // After the completer has dealt with the same key and declined.
        setTimeout(() => this._onBlank(view, isTyped(update)));
      }
    } else if (update.selectionSet && hasMoved(update)) {
      this._leave(view);
      this.warmer.rest(model, () => view.state.selection.main.head);
    }
    if (isReviewing(update.state) && !isReviewing(update.startState)) {
      this._onReview(view);
    }
    if (update.focusChanged) {
      if (view.hasFocus) {
        this._lastView = view;
        this.warmer.rest(model, () => view.state.selection.main.head);
      } else {
        setTimeout(() => this._onBlur(view));
      }
    }
  }

  /** On a line that is blank so far, text was typed or something else changed. */
  private _onBlank(view: EditorView, typed: boolean): void {
    const completer = this.completers.of(view);
    if (typed) {
      this.ask(view);
    } else if (completer) {
      this.provider.suggester.stop();
      release(completer);
    }
  }

  /**
   * A suggestion does not fit any more: the cursor has moved away, or changes are
   * drawn. Left alone, the completer would keep it, and accepting it would
   * overwrite what was moved across.
   */
  private _leave(view: EditorView): void {
    const completer = this.completers.of(view);
    if (completer) {
      this.provider.suggester.stop();
      queueMicrotask(() => isShowing(completer) && completer.model?.reset());
    }
  }

  /** Changes have come, between which ghost text would stand. */
  private _onReview(view: EditorView): void {
    const completer = this.completers.of(view);
    // What is suggested elsewhere stays.
    if (view.hasFocus || (completer && isShowing(completer))) {
      this._leave(view);
    }
  }

  private _onBlur(view: EditorView): void {
    // The buttons beside a suggestion take the focus without ending it.
    const box = this.completers.of(view)?.node;
    if (!view.hasFocus && !box?.contains(document.activeElement)) {
      this.provider.suggester.stop();
    }
  }

  private _lastView: EditorView | null = null;
}

function hasMoved({ startState, state }: ViewUpdate): boolean {
  return !startState.selection.main.eq(state.selection.main);
}

function isBlankSoFar({ state }: ViewUpdate): boolean {
  const { head } = state.selection.main;
  const line = state.doc.lineAt(head);
  return state.sliceDoc(line.from, head).trim() === '';
}

/** Whether text was put in right before the cursor, by a key or otherwise. */
function isTyped({ changes, state }: ViewUpdate): boolean {
  let typed = false;
  changes.iterChanges((_fromA, _toA, from, to) => {
    typed ||= from < to && to === state.selection.main.head;
  });
  return typed;
}
