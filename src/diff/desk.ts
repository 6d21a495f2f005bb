import { EditorView } from '@codemirror/view';
import type { DocumentWidget } from '@jupyterlab/docregistry';
import type { INotebookModel } from '@jupyterlab/notebook';
import type { Wish } from '../client/edits';
import type { IAction } from '../client/protocol';
import { ReviewBar } from './bar';
import { CellMarks } from './cellmarks';
import { acceptButton, IHunkActions } from './controls';
import { failureOf, IFailure } from './failure';
import type { InstructionHistory } from './history';
import { Hunk, isSafe } from './hunk';
import type { IPage } from './page';
import { Prompter } from './prompter';
import { IScope, scopesOf } from './scope';
import type { Session } from './session';
import { description, summary, Translate } from './texts';

/** On a document while keys belong to its review. */
const REVIEWING_CLASS = 'jp-fastgen-mod-reviewing';

/** Frames in which an editor draws what it has scrolled to. */
const MOST_FRAMES = 10;

/** One view of a document and what a person does there about its edits. */
export class Desk {
  constructor(private readonly options: Desk.IOptions) {
    const { widget, session, page, history, keysOf, trans } = options;
    const bar = new ReviewBar(
      session,
      {
        next: () => void this.go(1),
        previous: () => void this.go(-1),
        acceptAll: () => void this.acceptAll(),
        rejectAll: () => void this.rejectAll(),
        acceptAndRun: this.canRun ? () => void this.acceptAndRun() : null,
        cancel: () => {
          this.cancel();
          page.focus();
        },
        close: () => {
          this.close();
          page.focus();
        }
      },
      keysOf,
      trans
    );
    widget.contentHeader.addWidget(bar);
    this._marks = page.notebook
      ? new CellMarks(page.notebook, session, this.actions)
      : null;
    this._prompter = new Prompter(page, session, history, trans);
    session.changed.connect(this._refresh, this);
    widget.disposed.connect(() => {
      session.changed.disconnect(this._refresh, this);
      bar.dispose();
    });
    this._refresh();
  }

  /** The edits of the document. */
  get session(): Session {
    return this.options.session;
  }

  /** What the buttons of a hunk do. */
  get actions(): IHunkActions {
    const { trans, keysOf } = this.options;
    return {
      accept: hunk => void this.decide(hunk, true),
      reject: hunk => void this.decide(hunk, false),
      acceptKeeping: hunk =>
        void this.decide(this.session.review.keeping(hunk), true),
      keysOf,
      trans
    };
  }

  /** How the active cell has failed, `null` if it has not. */
  get failure(): IFailure | null {
    const { notebook, stand } = this.options.page;
    const model = notebook?.content.model as INotebookModel | null | undefined;
    return model && stand ? failureOf(model.sharedModel, stand.active) : null;
  }

  /** Whether the person stands where something can be edited. */
  get canEdit(): boolean {
    return this.options.page.stand !== null;
  }

  /** Whether there is anything that can be run. */
  get canRun(): boolean {
    return this.options.page.notebook !== null;
  }

  /** Opens the prompt box where the person stands. */
  async prompt(): Promise<void> {
    await this._prompter.open();
  }

  /** Asks for an edit that needs no description. */
  act({ name, title, needs }: IAction): void {
    const { stand } = this.options.page;
    const { failure } = this;
    const wish = { instruction: '', action: name, error: '' };
    if (needs === 'error' && failure) {
      this.session.ask({
        scope: { kind: 'cell', ids: [failure.cause] },
        wish: { ...wish, error: failure.error },
        title,
        rerun: failure.rerun
      });
    } else if (needs === '' && stand) {
      this.session.ask({ scope: scopesOf(stand)[0], wish, title, rerun: [] });
    }
  }

  /** Asks for an edit of a cell, wherever the person stands. */
  edit(id: string, wish: Wish, title: string): void {
    const scope: IScope = { kind: 'cell', ids: [id] };
    this.session.ask({ scope, wish, title, rerun: [] });
  }

  /** Shows what the text of a cell would become, and goes to the first change. */
  async compare(id: string, text: string): Promise<void> {
    this.session.compare(id, text);
    const [first] = this.session.review.pendingIn(id);
    if (first) {
      await this.show(first);
    }
  }

  /** Goes to the next hunk, or to the one before. */
  async go(step: 1 | -1): Promise<void> {
    const { pending, current } = this.session.review;
    if (current) {
      const next = pending.indexOf(current) + step + pending.length;
      await this.show(pending[next % pending.length]);
    }
  }

  /**
   * Brings a hunk to where it can be seen.
   *
   * @param focus - what gets the focus: its first button, or the editor it is in
   */
  async show(hunk: Hunk, focus: 'button' | 'editor' = 'button'): Promise<void> {
    const { page } = this.options;
    const { review } = this.session;
    review.current = hunk;
    const view = await page.reveal(hunk.cell || review.target.ids[0]);
    if (hunk.kind === 'lines' && view) {
      const line = Math.min(hunk.start + 1, view.state.doc.lines);
      view.dispatch({
        effects: EditorView.scrollIntoView(view.state.doc.line(line).from, {
          y: 'center'
        })
      });
    }
    const node = hunk.kind === 'lines' ? view?.dom : this._marks?.nodeOf(hunk);
    const target = await drawn(() => node && acceptButton(node.parentElement!));
    target?.scrollIntoView({ block: 'nearest' });
    // Keys of the editor's mode do no harm on a button, those of cells would.
    view?.focus();
    if (focus === 'button') {
      target?.focus({ preventScroll: true });
    }
  }

  /**
   * Accepts a hunk or turns it down, and goes on to the next. By default it is
   * one of the cell where the person stands; without any there, the current one
   * is only shown.
   */
  async decide(hunk: Hunk | null, isAccepted: boolean): Promise<void> {
    const { trans } = this.options;
    const { review } = this.session;
    const chosen = hunk ?? this._here;
    if (!chosen && review.current) {
      await this._visit(review.current, '');
    }
    if (!chosen || chosen.isProvisional) {
      return;
    }
    if (isAccepted) {
      review.accept([chosen]);
    } else {
      review.reject([chosen]);
    }
    const said = isAccepted
      ? chosen.status === 'accepted'
        ? trans.__('Accepted: %1', summary(chosen, trans))
        : trans.__('Not accepted: the text is another now')
      : trans.__('Rejected: %1', summary(chosen, trans));
    await this._goOn(chosen, said);
  }

  /**
   * Accepts all hunks but those that need a look.
   *
   * @returns those that are accepted now
   */
  async acceptAll(): Promise<readonly Hunk[]> {
    const { trans } = this.options;
    const { review } = this.session;
    const sure = review.pending.filter(
      hunk => isSafe(hunk) && !hunk.isProvisional
    );
    if (sure.length === 0) {
      await this.go(1);
      return [];
    }
    review.accept(sure);
    const accepted = sure.filter(({ status }) => status === 'accepted');
    const said = trans._n(
      'Accepted %1 change',
      'Accepted %1 changes',
      accepted.length
    );
    await this._goOn(sure[sure.length - 1], said);
    return accepted;
  }

  /** Turns all hunks down. */
  async rejectAll(): Promise<void> {
    const { trans } = this.options;
    const { review } = this.session;
    const all = review.pending.filter(hunk => !hunk.isProvisional);
    review.reject(all);
    const said = trans._n(
      'Rejected %1 change',
      'Rejected %1 changes',
      all.length
    );
    await this._goOn(all[all.length - 1], said);
  }

  /** Accepts all that is sure and runs the changed cells, and those that had failed. */
  async acceptAndRun(): Promise<void> {
    const { review, request } = this.session;
    const accepted = await this.acceptAll();
    if (accepted.length === 0) {
      return;
    }
    const changed = accepted
      .filter(({ kind }) => kind !== 'move')
      .map(hunk => (hunk.kind === 'insert' ? hunk.made : hunk.cell));
    const ids = new Set([...changed, ...(request?.rerun ?? [])]);
    await this.options.page.run(review.target.ids.filter(id => ids.has(id)));
  }

  /** Whether there is anything to be given up. */
  get canCancel(): boolean {
    return this._prompter.isOpen || this.session.isRunning;
  }

  /** Gives up the running edit, and the prompt box unless it is about another. */
  cancel(): void {
    const { session } = this;
    const isOther = session.isRunning && !this._prompter.isOwn;
    session.cancel();
    if (!isOther) {
      this._prompter.close();
    }
  }

  /** Ends the review; the document stays as it is. */
  close(): void {
    this._prompter.close();
    this.session.close();
  }

  /** The hunk that keys decide upon: in the cell where the person stands. */
  private get _here(): Hunk | null {
    const { stand } = this.options.page;
    const { pending, current, target } = this.session.review;
    const here = pending.filter(
      hunk =>
        !hunk.isProvisional && (hunk.cell || target.ids[0]) === stand?.active
    );
    return here.find(hunk => hunk === current) ?? here[0] ?? null;
  }

  /** Goes on to the next decision. */
  private async _goOn(last: Hunk | undefined, said: string): Promise<void> {
    const { page, say } = this.options;
    const { current } = this.session.review;
    if (current) {
      await this._visit(current, said);
      return;
    }
    say(said);
    const view = last && (await page.reveal(last.cell));
    (view ?? page).focus();
  }

  /** Says something and shows a hunk; who types keeps the focus in an editor. */
  private async _visit(hunk: Hunk, said: string): Promise<void> {
    const { trans, say } = this.options;
    const { pending } = this.session.review;
    if (document.activeElement?.closest('.cm-content:focus')) {
      const number = pending.indexOf(hunk) + 1;
      const position = { number, count: pending.length };
      const words = [said, description(hunk, position, trans)];
      say(words.filter(Boolean).join('. '));
      await this.show(hunk, 'editor');
    } else {
      // The button that gets the focus says the rest.
      say(said);
      await this.show(hunk);
    }
  }

  private _refresh(): void {
    const { widget, session, page } = this.options;
    const { pending } = session.review;
    widget.toggleClass(REVIEWING_CLASS, pending.length > 0);
    new Set(
      pending.filter(({ kind }) => kind === 'lines').map(({ cell }) => cell)
    ).forEach(id => page.unfold(id));
    this._prompter.refresh();
  }

  private readonly _marks: CellMarks | null;
  private readonly _prompter: Prompter;
}

/** Waits until something is drawn, which takes a frame or, far away, a few. */
async function drawn<T>(find: () => T): Promise<T> {
  let found = find();
  for (let frame = 0; !found && frame < MOST_FRAMES; frame++) {
    await new Promise(resolve => requestAnimationFrame(resolve));
    found = find();
  }
  return found;
}

export namespace Desk {
  /** What a desk is about. */
  export interface IOptions {
    readonly widget: DocumentWidget;
    readonly session: Session;
    readonly page: IPage;
    readonly history: InstructionHistory;
    readonly keysOf: IHunkActions['keysOf'];
    /** Tells it to a person who does not see the page. */
    readonly say: (sentence: string) => void;
    readonly trans: Translate;
  }
}
