import type { EditorView } from '@codemirror/view';
import type { InstructionHistory } from './history';
import type { IPage } from './page';
import { PromptBox } from './promptbox';
import { setPrompt } from './promptfield';
import { IScope, scopeNow, scopesOf } from './scope';
import type { IRequest, Session } from './session';
import type { Translate } from './texts';

/** An open prompt box, where it stands, and what was asked for in it last. */
interface IPrompt {
  readonly box: PromptBox;
  readonly view: EditorView;
  request: IRequest | null;
}

/**
 * The prompt box of one view. An edit that runs may be another cell's, or asked
 * for in another view: the box is about the one that it asked for itself.
 */
export class Prompter {
  constructor(
    private readonly page: IPage,
    private readonly session: Session,
    private readonly history: InstructionHistory,
    private readonly trans: Translate
  ) {}

  /** Whether there is a box. */
  get isOpen(): boolean {
    return this._prompt !== null;
  }

  /** Whether the box asked for the edit that was asked for last. */
  get isOwn(): boolean {
    const request = this._prompt?.request ?? null;
    return request !== null && request === this.session.request;
  }

  /** Opens a box where the person stands. */
  async open(): Promise<void> {
    const { page, session, history, trans } = this;
    const { stand } = page;
    const view = stand && (await page.reveal(stand.active));
    if (!stand || !view || session.refuses()) {
      return;
    }
    this.close();
    const isNotebook = page.notebook !== null;
    const box = new PromptBox(scopesOf(stand), isNotebook, history, trans);
    const { target } = session.review;
    const before = target.textOf(stand.active) ?? '';
    const now = (scope: IScope) => scopeNow(scope, before, target);
    this._prompt = { box, view, request: null };
    box.cancelled.connect(() => {
      if (this.isOwn || !session.isRunning) {
        session.cancel();
      }
      this.close();
    });
    box.scopeChanged.connect((_, chosen) => {
      const scope = now(chosen);
      if (scope) {
        session.prepare(scope);
      }
    });
    box.asked.connect((_, { instruction, scope }) =>
      this._ask(instruction, now(scope))
    );
    const line = view.state.doc.lineAt(view.state.selection.main.from);
    view.dispatch({ effects: setPrompt.of({ at: line.from, node: box.node }) });
    const last = session.request?.wish.instruction;
    if (last && !session.isRunning && session.status) {
      box.fill(last);
    }
    view.focus();
    box.focus();
    box.node.scrollIntoView({ block: 'nearest' });
    session.prepare(box.scope);
  }

  /** Takes the box away. */
  close(): void {
    const prompt = this._prompt;
    this._prompt = null;
    if (prompt) {
      const hadFocus = prompt.box.node.contains(document.activeElement);
      prompt.view.dispatch({ effects: setPrompt.of(null) });
      if (hadFocus) {
        prompt.view.focus();
      }
    }
  }

  /** The session has changed: shows how far the box's edit is, which ends it if anything came. */
  refresh(): void {
    const { session } = this;
    const hasEnded = this._isRunning && !session.isRunning;
    this._isRunning = session.isRunning;
    if (this._prompt && this.isOwn) {
      this._prompt.box.setStatus(session.status, session.isRunning);
      if (hasEnded && session.hasNew) {
        this.close();
      }
    }
  }

  private _ask(instruction: string, scope: IScope | null): void {
    const { session, trans } = this;
    const prompt = this._prompt!;
    if (!scope) {
      const said = trans.__('The selected lines have changed.');
      prompt.box.setStatus(said, false);
      return;
    }
    const wish = { instruction, action: '', error: '' };
    prompt.request = { scope, wish, title: instruction, rerun: [] };
    session.ask(prompt.request);
    // The person may type on while the answer is awaited.
    if (session.isRunning) {
      prompt.view.focus();
    }
  }

  private _prompt: IPrompt | null = null;
  private _isRunning = false;
}
