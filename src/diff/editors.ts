import type { Extension } from '@codemirror/state';
import { EditorView, ViewPlugin } from '@codemirror/view';
import type { CodeEditor } from '@jupyterlab/codeeditor';
import type { IHunkActions } from './controls';
import { drawingOf } from './deco';
import type { ILinesHunk } from './hunk';
import { promptField } from './promptfield';
import type { Session } from './session';
import type { Sessions } from './sessions';
import { drawingField, setDrawing } from './state';

/** Draws reviews into every editor of their texts. */
export class Editors {
  /**
   * @param actions - what the buttons in an editor do
   */
  constructor(
    private readonly sessions: Sessions,
    private readonly actions: (view: EditorView) => IHunkActions
  ) {
    sessions.added.connect((_, session) => {
      session.changed.connect(() => this._schedule(session));
      this._schedule(session);
    });
  }

  /** What lets the review of `model` be drawn in an editor. */
  extension(model: CodeEditor.IModel): Extension {
    const { _models: models } = this;
    return [
      drawingField,
      promptField,
      ViewPlugin.define(view => {
        models.set(view, model);
        const found = this.sessions.find(model);
        if (found) {
          this._schedule(found.session);
        }
        return { destroy: () => models.delete(view) };
      })
    ];
  }

  /** Draws once what changes meanwhile is done: an editor must not be changed while it changes. */
  private _schedule(session: Session): void {
    if (!this._waiting.has(session)) {
      this._waiting.add(session);
      queueMicrotask(() => {
        this._waiting.delete(session);
        this._draw(session);
      });
    }
  }

  private _draw(session: Session): void {
    const { pending, current } = session.review;
    for (const [view, model] of this._models) {
      const found = this.sessions.find(model);
      if (found?.session !== session) {
        continue;
      }
      const { id } = found;
      const placed = pending
        .map((hunk, index) => ({
          hunk: hunk as ILinesHunk,
          position: { number: index + 1, count: pending.length },
          isCurrent: hunk === current
        }))
        .filter(({ hunk }) => hunk.kind === 'lines' && hunk.cell === id);
      const waiting = session.waitingIn(id);
      const isEmpty = placed.length === 0 && !waiting;
      if (!isEmpty || view.state.field(drawingField)) {
        const drawing = isEmpty
          ? null
          : drawingOf(view.state, placed, waiting, this.actions(view));
        view.dispatch({ effects: setDrawing.of(drawing) });
      }
    }
  }

  private readonly _models = new Map<EditorView, CodeEditor.IModel>();
  private readonly _waiting = new Set<Session>();
}
