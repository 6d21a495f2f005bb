import { Compartment, EditorState } from '@codemirror/state';
import { EditorView } from '@codemirror/view';
import { IEditorLanguageRegistry, jupyterTheme } from '@jupyterlab/codemirror';

/** Pixels from its end at which a pane still counts as scrolled there. */
const NEAR_END = 8;

/**
 * Code to read, coloured as the application colours cells. What comes behind it
 * costs the same however much there is: only what is in view is drawn, and only
 * what is new is parsed.
 */
export class CodePane {
  /** @param label - what it is, for screen readers */
  constructor(
    private readonly languages: IEditorLanguageRegistry,
    label: string
  ) {
    this._view = new EditorView({
      state: EditorState.create({
        extensions: [
          EditorView.editable.of(false),
          EditorState.readOnly.of(true),
          // Whoever has no mouse scrolls it by keys.
          EditorView.contentAttributes.of({
            tabindex: '0',
            'aria-label': label
          }),
          jupyterTheme,
          this._language.of([])
        ]
      })
    });
    this.node.className = 'jp-fastgen-Answer-code';
    this.node.append(this._view.dom);
  }

  readonly node = document.createElement('div');

  /** Puts another text in the place of all. */
  set(text: string): void {
    const { length } = this._view.state.doc;
    this._view.dispatch({ changes: { from: 0, to: length, insert: text } });
  }

  /** Puts text behind the rest, and stays at the end if it is shown. */
  append(text: string): void {
    const { scrollTop, clientHeight, scrollHeight } = this._view.scrollDOM;
    const isAtEnd = scrollTop + clientHeight >= scrollHeight - NEAR_END;
    const { length } = this._view.state.doc;
    this._view.dispatch({ changes: { from: length, insert: text } });
    if (isAtEnd) {
      this._view.requestMeasure({
        read: ({ scrollDOM }) => scrollDOM.scrollHeight,
        write: (end, { scrollDOM }) => (scrollDOM.scrollTop = end),
        key: this
      });
    }
  }

  /** Colours it as code of a language, once that is loaded. */
  async colour(name: string): Promise<void> {
    const language = await this.languages.getLanguage(name);
    this._view.dispatch({
      effects: this._language.reconfigure(language?.support ?? [])
    });
  }

  /** Takes it away. */
  dispose(): void {
    this._view.destroy();
  }

  private readonly _view: EditorView;
  private readonly _language = new Compartment();
}
