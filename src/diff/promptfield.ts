import { StateEffect, StateField } from '@codemirror/state';
import { Decoration, EditorView, WidgetType } from '@codemirror/view';

/** A prompt box and the line above which it stands, by its first UTF-16 unit. */
interface IPrompt {
  readonly at: number;
  readonly node: HTMLElement;
}

/** Shows a prompt box above a line, or takes it away. */
export const setPrompt = StateEffect.define<IPrompt | null>();

/** The prompt box of an editor; it pushes the code down and covers none of it. */
export const promptField = StateField.define<IPrompt | null>({
  create: () => null,
  update: (prompt, { changes, effects, newDoc }) => {
    for (const effect of effects) {
      if (effect.is(setPrompt)) {
        return effect.value;
      }
    }
    return (
      prompt && {
        ...prompt,
        at: newDoc.lineAt(changes.mapPos(prompt.at)).from
      }
    );
  },
  provide: field =>
    EditorView.decorations.from(field, prompt =>
      prompt
        ? Decoration.set(
            Decoration.widget({
              widget: new PromptWidget(prompt.node),
              block: true,
              // Above hunks that come before the same line.
              side: -2
            }).range(prompt.at)
          )
        : Decoration.none
    )
});

/** Holds a node that lives longer than it. */
class PromptWidget extends WidgetType {
  constructor(private readonly node: HTMLElement) {
    super();
  }

  override eq(other: PromptWidget): boolean {
    return other.node === this.node;
  }

  toDOM(): HTMLElement {
    return this.node;
  }

  override get estimatedHeight(): number {
    return 60;
  }

  override ignoreEvent(): boolean {
    return true;
  }
}
