import type { CodeEditor } from '@jupyterlab/codeeditor';
import type { DocumentRegistry } from '@jupyterlab/docregistry';
import type { INotebookModel } from '@jupyterlab/notebook';
import { ISignal, Signal } from '@lumino/signaling';
import { ONLY_CELL } from '../client/documents';
import { ownRules } from '../client/rules';
import type { IFastgenClient } from '../tokens';
import type { KeptReviews } from './kept';
import { Review } from './review';
import { Session } from './session';
import { FileTarget, ISharedText, NotebookTarget } from './target';
import type { Translate } from './texts';

type Context = DocumentRegistry.IContext<DocumentRegistry.IModel>;

/** The sessions of the documents that are open. */
export class Sessions {
  constructor(
    private readonly client: IFastgenClient,
    private readonly kept: KeptReviews,
    private readonly trans: Translate
  ) {}

  /** Emitted with each new session. */
  get added(): ISignal<this, Session> {
    return this._added;
  }

  /** The session of a document that is loaded; its views get the same one. */
  open(context: Context): Session {
    const shared = context.model.sharedModel;
    const known = this._sessions.get(shared);
    if (known) {
      return known;
    }
    const { client, trans } = this;
    const { model } = context;
    const target = isNotebook(model)
      ? new NotebookTarget(model.sharedModel)
      : new FileTarget(shared as unknown as ISharedText);
    const place = (ids: readonly string[]) => {
      const texts = isNotebook(model)
        ? [...model.cells].filter(cell => ids.includes(cell.id))
        : [model as unknown as CodeEditor.IModel];
      const places = texts.map(text => client.documents.open(text));
      const { mirror } = places[places.length - 1] ?? {};
      return mirror && places.every(Boolean)
        ? { doc: mirror.name, rev: mirror.rev }
        : null;
    };
    const whyOff = () => client.rules.whyOff('edits', ownRules(shared));
    const review = new Review(target);
    const session = new Session(review, client.edits, place, whyOff, trans);
    this._sessions.set(shared, session);
    this._added.emit(session);
    this._keep(session, context);
    return session;
  }

  /** The session and the cell that the text of an editor belongs to. */
  find(model: CodeEditor.IModel): { session: Session; id: string } | null {
    const shared = model.sharedModel as CodeEditor.IModel['sharedModel'] & {
      readonly notebook?: object | null;
      getId?(): string;
    };
    const session = this._sessions.get(shared.notebook ?? shared);
    const id = shared.notebook ? shared.getId!() : ONLY_CELL;
    return session ? { session, id } : null;
  }

  /** Takes up what waits in a document, and keeps it from now on. */
  private _keep(session: Session, context: Context): void {
    const { kept } = this;
    const { review } = session;
    // A notebook may be open as a text, too.
    const kind = review.target.list ? 'notebook' : 'text';
    const nameNow = () => `${kind}:${context.path}`;
    let name = nameNow();
    const keep = () => kept.set(name, review.save());
    const saved = kept.get(name);
    if (saved) {
      review.resume(saved);
      keep();
    }
    review.changed.connect(keep);
    context.pathChanged.connect(() => {
      kept.set(name, null);
      name = nameNow();
      keep();
    });
    context.disposed.connect(() => session.cancel());
  }

  private readonly _sessions = new WeakMap<object, Session>();
  private readonly _added = new Signal<this, Session>(this);
}

function isNotebook(model: DocumentRegistry.IModel): model is INotebookModel {
  return 'cells' in model;
}
