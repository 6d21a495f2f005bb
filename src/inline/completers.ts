import type { EditorView } from '@codemirror/view';
import type { CodeMirrorEditor } from '@jupyterlab/codemirror';
import type {
  IInlineCompleterFactory,
  IInlineCompleterSettings,
  InlineCompleter
} from '@jupyterlab/completer';
import type { IOffer } from './announcer';
import { ISignal, Signal } from '@lumino/signaling';

/** On the editor while Tab and Escape belong to a suggestion. */
const ACTIVE_CLASS = 'jp-mod-inline-completer-active';

/** Lines for which room is made; by default the application shows no more. */
const BLOCK_LINES = 4;

/** The person goes through the suggestions of a completer. */
export interface ICycle {
  readonly completer: InlineCompleter;
  readonly direction: 'next' | 'previous';
}

/**
 * The application's inline completers, one per panel. There is no public list
 * of them, so each is noted as the factory makes it.
 */
export class Completers {
  /** @param factory - wrapped in place, for the application holds on to it */
  constructor(factory: IInlineCompleterFactory) {
    const make = factory.factory.bind(factory);
    factory.factory = options => {
      const completer = make(options);
      this._follow(completer);
      this._rooms.set(completer, roomOf(completer));
      this._all.add(completer);
      completer.disposed.connect(() => this._all.delete(completer));
      return completer;
    };
  }

  /** Emitted when all or the beginning of a suggestion has been accepted. */
  get accepted(): ISignal<this, InlineCompleter> {
    return this._accepted;
  }

  /** Emitted when the person has asked for the next or the previous suggestion. */
  get cycled(): ISignal<this, ICycle> {
    return this._cycled;
  }

  /** The completer whose editor is inside `node`. */
  within(node: HTMLElement): InlineCompleter | null {
    return this._find(({ editor }) => !!editor && node.contains(editor.host));
  }

  /** The completer that serves the editor of `view`. */
  of(view: EditorView): InlineCompleter | null {
    return this._find(completer => viewOf(completer) === view);
  }

  /** The completer that shows a suggestion now. */
  active(): InlineCompleter | null {
    return this._find(isShowing);
  }

  private _find(
    matches: (completer: InlineCompleter) => boolean
  ): InlineCompleter | null {
    return [...this._all].find(matches) ?? null;
  }

  /** Makes room for several lines at once, or no more than the person wants. */
  reserve(completer: InlineCompleter, isBlock: boolean): void {
    this._rooms.get(completer)?.(isBlock);
  }

  /**
   * Accepts the beginning of the suggestion that is shown; the rest stays, as if
   * the beginning had been typed.
   *
   * @param completer - the one that shows it
   * @param part - gives the beginning of a text that is to be accepted
   */
  acceptPart(completer: InlineCompleter, part: (text: string) => string): void {
    const view = viewOf(completer);
    const text = completer.current?.insertText;
    if (view && text) {
      const insert = part(text);
      const { head } = view.state.selection.main;
      this._accept(completer, () =>
        view.dispatch({
          changes: { from: head, insert },
          selection: { anchor: head + insert.length },
          scrollIntoView: true
        })
      );
    }
  }

  /**
   * Makes each acceptance a step of its own in the history. A step gathers what
   * follows within half a second: undoing would also take what was typed before.
   */
  private _accept(completer: InlineCompleter, change: () => void): void {
    asOneStep(completer.editor?.model.sharedModel, change);
    this._accepted.emit(completer);
  }

  private _follow(completer: InlineCompleter): void {
    const accept = completer.accept.bind(completer);
    completer.accept = () => this._accept(completer, accept);
    const cycle = completer.cycle.bind(completer);
    completer.cycle = direction => {
      cycle(direction);
      this._cycled.emit({ completer, direction });
    };
  }

  private readonly _rooms = new WeakMap<
    InlineCompleter,
    (isBlock: boolean) => void
  >();
  private readonly _accepted = new Signal<this, InlineCompleter>(this);
  private readonly _cycled = new Signal<this, ICycle>(this);
  private readonly _all = new Set<InlineCompleter>();
}

/**
 * Gives a function that makes room for a block of lines. A block that comes line
 * by line would move all that is below at each line.
 */
function roomOf(completer: InlineCompleter): (isBlock: boolean) => void {
  const configure = completer.configure.bind(completer);
  let wanted: IInlineCompleterSettings | null = null;
  let reserved = false;
  completer.configure = settings => {
    wanted = settings;
    reserved = false;
    configure(settings);
  };
  return isBlock => {
    if (wanted && isBlock !== reserved) {
      reserved = isBlock;
      const { minLines, maxLines } = wanted;
      const most = Math.min(maxLines || BLOCK_LINES, BLOCK_LINES);
      configure({
        ...wanted,
        minLines: isBlock ? Math.max(minLines, most) : minLines
      });
    }
  };
}

/** Makes a change of a cell or a notebook a step of its own in its history. */
export function asOneStep(
  shared: object | undefined,
  change: () => void
): void {
  const history = (
    shared as
      { readonly undoManager?: { stopCapturing(): void } | null } | undefined
  )?.undoManager;
  history?.stopCapturing();
  change();
  history?.stopCapturing();
}

/** The editor that a completer serves. */
export function viewOf(completer: InlineCompleter): EditorView | null {
  return (completer.editor as CodeMirrorEditor | null)?.editor ?? null;
}

/** Whether any provider's suggestion has text to be seen. */
function hasText({ model }: InlineCompleter): boolean {
  return !!model?.completions?.items.some(item => item.insertText !== '');
}

/** What a completer shows a person, if anything. */
export function offerOf(completer: InlineCompleter): IOffer | null {
  const { current, model } = completer;
  if (completer.isDisposed || !current || !isShowing(completer)) {
    return null;
  }
  const items = model?.completions?.items ?? [];
  return {
    text: current.insertText,
    origin: current.provider.name,
    position: items.indexOf(current) + 1,
    count: items.length
  };
}

/** Whether a suggestion can be seen, and Tab would accept it. */
export function isShowing(completer: InlineCompleter): boolean {
  return completer.isActive && hasText(completer);
}

/** Whether ghost text is being highlighted: it is emptied first and filled later. */
export function isDrawing({ editor }: InlineCompleter): boolean {
  const ghosts = editor?.host.querySelectorAll('.jp-GhostText') ?? [];
  return [...ghosts].some(ghost => ghost.textContent === '');
}

/**
 * While a new suggestion is awaited and none is left, gives Tab and Escape back
 * to the editor. The completer itself would keep them.
 *
 * Its invisible spacer stays: the cell would jump if the suggestion to come
 * were as high as the one before.
 */
export function release(completer: InlineCompleter): void {
  if (hasText(completer)) {
    return;
  }
  if (completer.model?.completions) {
    completer.model.reset();
  }
  completer.editor?.host.classList.remove(ACTIVE_CLASS);
}

/** When no suggestion will come, removes all that is left of the one before. */
export function clear(completer: InlineCompleter): void {
  if (!hasText(completer)) {
    completer.model?.reset();
  }
}
