import { EditorState, StateEffect, StateField } from '@codemirror/state';
import { Decoration, DecorationSet, EditorView } from '@codemirror/view';

/** What is drawn in one editor, over its text. */
export interface IDrawing {
  readonly decorations: DecorationSet;
  /** Whether hunks wait in this text. */
  readonly hasHunks: boolean;
}

/** Replaces what is drawn. */
export const setDrawing = StateEffect.define<IDrawing | null>();

/** What is drawn now; it moves with the text until it is drawn anew. */
export const drawingField = StateField.define<IDrawing | null>({
  create: () => null,
  update: (drawing, { changes, effects }) => {
    for (const effect of effects) {
      if (effect.is(setDrawing)) {
        return effect.value;
      }
    }
    return (
      drawing && {
        ...drawing,
        decorations: drawing.decorations.map(changes)
      }
    );
  },
  provide: field =>
    EditorView.decorations.from(
      field,
      drawing => drawing?.decorations ?? Decoration.none
    )
});

/** Whether hunks wait in the text of an editor. */
export function isReviewing(state: EditorState): boolean {
  return !!state.field(drawingField, false)?.hasHunks;
}
