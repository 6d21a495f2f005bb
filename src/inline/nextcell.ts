import type { ISessionContext } from '@jupyterlab/apputils';
import type { Cell } from '@jupyterlab/cells';
import type { CodeMirrorEditor } from '@jupyterlab/codemirror';
import {
  INotebookTracker,
  Notebook,
  NotebookActions,
  NotebookPanel
} from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ISignal, Signal } from '@lumino/signaling';
import type { IPlace } from '../client/documents';
import type { IFastgenClient } from '../tokens';
import type { IOffer } from './announcer';
import { asOneStep } from './completers';
import { GhostCell } from './ghostcell';
import { nextPlace } from './policy';
import type { Suggester } from './suggester';
import type { Watcher } from './watcher';

/**
 * Milliseconds a kernel must rest. The server looks at it after 150, and the
 * answer belongs into the prompt; until then one cell may follow another.
 */
const REST_MS = 250;

/**
 * Suggests what follows a cell that has run: as ghost text in the empty cell
 * below it, or as a ghost cell below the last one. Nothing is in the document
 * before it is accepted.
 */
export class NextCell {
  constructor(private readonly options: NextCell.IOptions) {
    const { notebooks, client } = options;
    NotebookActions.executed.connect((_, { notebook, cell, success }) => {
      this.dismiss();
      const panel = notebooks.currentWidget;
      if (success && panel?.content === notebook) {
        this._await(panel, cell);
      }
    });
    NotebookActions.executionScheduled.connect(() => this.dismiss());
    notebooks.currentChanged.connect(() => this.dismiss());
    client.settings.changed.connect(() => this.dismiss());
    client.rules.changed.connect(() => this.dismiss());
  }

  /** The text of the ghost cell, '' if there is none. */
  get text(): string {
    return this._ghost?.text ?? '';
  }

  /** The ghost cell as a person perceives it. */
  get offer(): IOffer | null {
    const { text } = this;
    const origin = this.options.trans.__('Fastgen');
    return text ? { text, origin, position: 1, count: 1 } : null;
  }

  /**
   * Whether the keys of suggestions belong to the ghost cell: in an editor they
   * belong to ghost text.
   */
  get isActive(): boolean {
    return this.text !== '' && this._ghost?.notebook.mode === 'command';
  }

  /** Emitted when a ghost cell is shown or has grown. */
  get shown(): ISignal<this, void> {
    return this._shown;
  }

  /** Removes the ghost cell, and suggests nothing before a cell runs again. */
  dismiss(): void {
    this._end.abort();
  }

  /**
   * Makes the ghost cell a cell, or its beginning; the rest then stays as ghost
   * text in it.
   *
   * @param part - gives the beginning of a text that is to be accepted
   */
  async accept(part = (text: string) => text): Promise<void> {
    const { text } = this;
    const notebook = this._ghost?.notebook;
    if (!text || !notebook) {
      return;
    }
    this.dismiss();
    const source = part(text);
    insertLast(notebook, source);
    const cell = notebook.activeCell!;
    await cell.ready;
    const view = viewOf(cell);
    const place = this.options.client.documents.open(cell.model);
    if (view && place) {
      view.focus();
      view.dispatch({
        selection: { anchor: source.length },
        scrollIntoView: true
      });
      const name = `${place.mirror.name}/${place.cell}`;
      const cursor = { cell: name, head: '', tail: '' };
      this.options.suggester.adopt(cursor, text);
      this.options.watcher.ask(view);
    }
  }

  /** Suggests once the kernel rests, if nothing comes in between. */
  private _await(panel: NotebookPanel, cell: Cell): void {
    this._end = new AbortController();
    const { signal } = this._end;
    whenResting(panel.sessionContext, signal, () => {
      const { client } = this.options;
      const { widgets, model } = panel.content;
      const index = widgets.indexOf(cell);
      const wanted = client.preferences(cell.model);
      const place =
        index < 0 || !wanted.enabled ? null : client.documents.open(cell.model);
      if (!place || model?.readOnly || isBlank(cell)) {
        return;
      }
      const following: Cell | undefined = widgets[index + 1];
      const where = nextPlace(
        following && {
          type: following.model.type as IPlace['cellType'],
          source: following.model.sharedModel.getSource()
        },
        place.language,
        wanted
      );
      if (where === 'following') {
        this._fill(following, signal);
      } else if (where === 'new') {
        this._draft(panel.content, cell, place, signal);
      }
    });
  }

  /** Suggests in an empty cell, as soon as the cursor is there. */
  private _fill(cell: Cell, signal: AbortSignal): void {
    const ask = () => {
      const view = viewOf(cell);
      if (view?.hasFocus && isBlank(cell) && !signal.aborted) {
        this.dismiss();
        this.options.watcher.ask(view);
      }
    };
    // The application first makes the cell that gets the focus the active one.
    cell.node.addEventListener('focusin', () => setTimeout(ask), { signal });
    ask();
  }

  /** Suggests a cell that is not there. */
  private _draft(
    notebook: Notebook,
    cell: Cell,
    { mirror, cell: id }: IPlace,
    signal: AbortSignal
  ): void {
    const { client, trans } = this.options;
    const { name: doc, rev } = mirror;
    const ghost = (this._ghost = new GhostCell(notebook, trans));
    let text = '';
    const show = (isWhole: boolean) => {
      // What may yet be taken back is better not seen: nobody waits for it.
      if (!signal.aborted && (isWhole || text.includes('\n'))) {
        ghost.show(text);
        this._shown.emit();
      }
    };
    const job = client.jobs.next(
      { doc, rev, cell: id },
      {
        text: addition => {
          text += addition;
          show(false);
        },
        done: ({ reason }) => {
          if (reason === 'held' || !text) {
            this.dismiss();
          } else {
            show(true);
          }
        }
      }
    );
    const check = () => {
      if (client.documents.open(cell.model)?.mirror.rev !== rev) {
        this.dismiss();
      }
    };
    notebook.model?.contentChanged.connect(check);
    document.addEventListener(
      'keydown',
      event => isTyping(event) && job.cancel(),
      { capture: true, signal }
    );
    signal.addEventListener('abort', () => {
      job.cancel();
      ghost.remove();
      notebook.model?.contentChanged.disconnect(check);
    });
  }

  private _ghost: GhostCell | null = null;
  private _end = new AbortController();
  private readonly _shown = new Signal<this, void>(this);
}

/** Calls `act` when the kernel has rested for a while, unless it is ended before. */
function whenResting(
  context: ISessionContext,
  signal: AbortSignal,
  act: () => void
): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const end = () => {
    clearTimeout(timer);
    context.statusChanged.disconnect(check);
  };
  const check = () => {
    clearTimeout(timer);
    // Text can follow text without a kernel.
    if ((context.session?.kernel?.status ?? 'idle') === 'idle') {
      timer = setTimeout(() => {
        end();
        act();
      }, REST_MS);
    }
  };
  signal.addEventListener('abort', end);
  context.statusChanged.connect(check);
  check();
}

/** Makes a code cell with this text the last and the active one, in one undoable step. */
function insertLast(notebook: Notebook, source: string): void {
  const shared = notebook.model!.sharedModel;
  const index = shared.cells.length;
  asOneStep(shared, () =>
    shared.insertCell(index, {
      cell_type: 'code',
      source,
      // As that of an empty cell that the person makes.
      metadata: { trusted: true }
    })
  );
  notebook.activeCellIndex = index;
  notebook.deselectAll();
  notebook.mode = 'edit';
}

function isBlank(cell: Cell): boolean {
  return cell.model.sharedModel.getSource().trim() === '';
}

function viewOf(cell: Cell) {
  return (cell.editor as CodeMirrorEditor | null)?.editor ?? null;
}

/** Whether a key writes or deletes, as opposed to a command or a way to move. */
function isTyping(event: KeyboardEvent): boolean {
  const { key, ctrlKey, metaKey, altKey } = event;
  const writes = key.length === 1 || /^(Enter|Backspace|Delete)$/.test(key);
  return writes && !ctrlKey && !metaKey && !altKey;
}

export namespace NextCell {
  /** What it works with. */
  export interface IOptions {
    readonly client: IFastgenClient;
    readonly notebooks: INotebookTracker;
    readonly watcher: Watcher;
    readonly suggester: Suggester;
    readonly trans: TranslationBundle;
  }
}
