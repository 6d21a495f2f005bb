import { Widget } from '@lumino/widgets';
import { CommandIDs } from '../commands';
import { button } from './controls';
import { isSafe } from './hunk';
import type { Session } from './session';
import { lossText, Translate } from './texts';

/** What the buttons of a bar do. */
export interface IBarActions {
  readonly next: () => void;
  readonly previous: () => void;
  readonly acceptAll: () => void;
  readonly rejectAll: () => void;
  /** `null` where nothing can be run. */
  readonly acceptAndRun: (() => void) | null;
  readonly cancel: () => void;
  readonly close: () => void;
}

/** Above a document with an edit: how far it is, or which of its changes is looked at. */
export class ReviewBar extends Widget {
  constructor(
    private readonly session: Session,
    actions: IBarActions,
    keysOf: (command: string) => string,
    private readonly trans: Translate
  ) {
    super();
    this.addClass('jp-fastgen-Bar');
    this.node.setAttribute('role', 'toolbar');
    this.node.setAttribute(
      'aria-label',
      trans.__('Changes of the local model')
    );
    this._status.className = 'jp-fastgen-Bar-status';
    this._previous = button('previous', trans.__('Previous'), actions.previous);
    this._next = button('next', trans.__('Next'), actions.next);
    this._accept = button('accept-all', '', actions.acceptAll);
    this._run = button('accept-and-run', trans.__('Accept and run'), () =>
      actions.acceptAndRun?.()
    );
    this._run.hidden = !actions.acceptAndRun;
    this._reject = button(
      'reject-all',
      trans.__('Reject all'),
      actions.rejectAll
    );
    this._cancel = button('cancel', trans.__('Cancel'), actions.cancel);
    this._close = button('close', trans.__('Close'), actions.close);
    this.node.append(
      this._status,
      this._previous,
      this._next,
      this._accept,
      this._run,
      this._reject,
      this._cancel,
      this._close
    );
    this._previous.title = keysOf(CommandIDs.previousHunk);
    this._next.title = keysOf(CommandIDs.nextHunk);
    this._accept.title = keysOf(CommandIDs.acceptAll);
    this._run.title = keysOf(CommandIDs.acceptAndRun);
    this._reject.title = keysOf(CommandIDs.rejectAll);
    this._canRun = !!actions.acceptAndRun;
    session.changed.connect(this._refresh, this);
    this._refresh();
  }

  private _refresh(): void {
    const { session, trans } = this;
    const { review, status, isRunning } = session;
    const { pending, current, lost } = review;
    const sure = pending.filter(
      hunk => isSafe(hunk) && !hunk.isProvisional
    ).length;
    const all = pending.length;
    const place =
      current && !isRunning
        ? [
            trans.__('%1 of %2', pending.indexOf(current) + 1, all),
            current.label
          ]
        : [];
    const words = [...place, status, lossText(lost, trans)];
    this._status.textContent = words.filter(Boolean).join(' · ');
    this._accept.textContent =
      sure === all
        ? trans.__('Accept all')
        : trans.__('Accept %1 of %2', sure, all);
    const decides = all > 0 && !isRunning;
    for (const node of [this._previous, this._next, this._reject]) {
      node.hidden = !decides;
    }
    this._accept.hidden = !decides;
    this._accept.disabled = sure === 0;
    this._run.hidden = !decides || !this._canRun;
    this._run.disabled = sure === 0;
    this._cancel.hidden = !isRunning;
    this._close.hidden = isRunning;
    this.setHidden(words.every(word => word === ''));
  }

  private readonly _status = document.createElement('span');
  private readonly _previous: HTMLButtonElement;
  private readonly _next: HTMLButtonElement;
  private readonly _accept: HTMLButtonElement;
  private readonly _run: HTMLButtonElement;
  private readonly _reject: HTMLButtonElement;
  private readonly _cancel: HTMLButtonElement;
  private readonly _close: HTMLButtonElement;
  private readonly _canRun: boolean;
}
