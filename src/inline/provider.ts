import type { CodeEditor } from '@jupyterlab/codeeditor';
import type {
  CompletionHandler,
  IInlineCompletionContext,
  IInlineCompletionItem,
  IInlineCompletionList,
  IInlineCompletionProvider,
  InlineCompleter
} from '@jupyterlab/completer';
import { InlineCompletionTriggerKind } from '@jupyterlab/completer';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ISignal, Signal } from '@lumino/signaling';
import { indexOfPoint } from '../client/delta';
import type { IPlace } from '../client/documents';
import type { Trigger } from '../client/protocol';
import { isReviewing } from '../diff/state';
import type { IFastgenClient } from '../tokens';
import {
  clear,
  Completers,
  ICycle,
  isDrawing,
  release,
  viewOf
} from './completers';
import { Generation, ICursor, isGrowing, remainder } from './generation';
import { mayContinue, refusal, Refusal } from './policy';
import { IAsk, Suggester } from './suggester';

/** The provider's name in the application's settings and on its ghost text. */
export const PROVIDER_ID = 'jupyter_fastgen';

/** On the editor's host while the completer with a list is open. */
const LIST_OPEN_CLASS = 'jp-mod-completer-active';

/** Milliseconds to wait at most for highlighted ghost text to be drawn. */
const HIGHLIGHT_MS = 2000;

type Item = IInlineCompletionItem;
type List = IInlineCompletionList<Item>;

/** What a stream of the application is to follow. */
interface IReader {
  readonly generation: Generation;
  readonly cursor: ICursor;
  readonly item: Item;
  readonly turn: number;
  readonly completer: InlineCompleter;
}

/**
 * Our suggestions, as the application's inline completer wants them.
 *
 * The completer asks at each key, shows whatever comes, and has no way to
 * cancel or to say that a suggestion still fits; `Suggester` does that, and
 * this class translates.
 */
export class FastgenProvider implements IInlineCompletionProvider<Item> {
  constructor(private readonly options: FastgenProvider.IOptions) {
    this.name = options.trans.__('Fastgen');
    options.completers.accepted.connect((_, by) => this._onAccepted(by));
    options.completers.cycled.connect((_, cycle) => this._onCycled(cycle));
  }

  readonly identifier = PROVIDER_ID;
  readonly name: string;

  /** We wait by ourselves, and no answer of ours is too late to be shown. */
  readonly schema = {
    default: { debouncerDelay: 0, autoFillInMiddle: true, timeout: 60_000 }
  };

  /** Finds and keeps suggestions. */
  readonly suggester = new Suggester(found => this._append(found));

  /** Whether ghost text is highlighted, which draws it asynchronously. */
  isHighlighted = false;

  /** Emitted when text is shown or has grown, with the completer it is in. */
  get shown(): ISignal<this, InlineCompleter> {
    return this._shown;
  }

  /**
   * Runs `invoke`, which makes the completer ask by command, as if typing had
   * made it ask: it does not ask by itself on a line that is blank so far.
   */
  asTyped(invoke: () => void): void {
    this._asTyped = true;
    try {
      invoke();
    } finally {
      this._asTyped = false;
    }
  }

  /** Answers one question of the completer. Never rejects. */
  async fetch(
    request: CompletionHandler.IRequest,
    context: IInlineCompletionContext
  ): Promise<List> {
    const completer = this.options.completers.within(context.widget.node);
    const invoked =
      context.triggerKind === InlineCompletionTriggerKind.Invoke &&
      !this._asTyped;
    // Text that changes where nobody types is another person's or a program's.
    if (!completer || !(invoked || viewOf(completer)?.hasFocus)) {
      return { items: [] };
    }
    // The stream of the question before must not write any more.
    const turn = ++this._turn;
    this._wanted = null;
    queueMicrotask(() => release(completer));
    try {
      const items = await this._suggest(
        request,
        completer,
        invoked ? 'invoke' : 'auto',
        turn
      );
      if (items.length > 0) {
        // What stands there already need not be drawn again before the key is.
        if (completer.current?.insertText === items[0].insertText) {
          await painted();
        }
        return { items: turn === this._turn ? items : [] };
      }
    } catch (error) {
      console.error('jupyter_fastgen could not suggest', error);
    }
    // After the completer has taken this empty list, which does not clear it.
    setTimeout(() => turn === this._turn && clear(completer));
    return { items: [] };
  }

  /** Follows a suggestion as it grows, each time with its whole text. */
  async *stream(token: string): AsyncGenerator<{ response: Item }> {
    const reader = this._readers.get(token);
    this._readers.delete(token);
    if (!reader) {
      return;
    }
    const { generation, cursor, item, turn, completer } = reader;
    let given = item.insertText;
    for (;;) {
      await this._drawn(completer);
      // The completer trims the item when it is typed through; the answer to
      // that key follows, and writing to it here would bring the letters back.
      if (turn !== this._turn || item.insertText !== given) {
        return;
      }
      if (generation.withdrawn) {
        item.insertText = '';
        clear(completer);
        return;
      }
      this.options.completers.reserve(completer, generation.isBlock);
      const rest = remainder(generation, cursor) ?? given;
      if (rest !== given) {
        given = rest;
        // Set beforehand so that the completer finds nothing added: for added
        // text it plays an animation that hides it for up to two seconds.
        item.insertText = rest;
        yield { response: { insertText: rest } };
        this._emitShown();
      } else if (!isGrowing(generation, cursor)) {
        return;
      } else {
        await generation.changed();
        await nextPaint();
      }
    }
  }

  private async _suggest(
    request: CompletionHandler.IRequest,
    completer: InlineCompleter,
    trigger: Trigger,
    turn: number
  ): Promise<Item[]> {
    const { client } = this.options;
    const model = completer.editor?.model;
    const isOn = !!model && client.preferences(model).enabled;
    const place = model && isOn ? client.documents.open(model) : null;
    const reason = !isOn
      ? 'disabled'
      : place
        ? this._refusal(completer, model!, place, trigger)
        : 'unreachable';
    if (reason) {
      client.log.skip(trigger, this.options.explain(reason, model));
    }
    if (!place || (reason && !mayContinue(reason))) {
      this.suggester.stop();
      return [];
    }
    const index = indexOfPoint(request.text, request.offset);
    const asked = place.mirror.rev;
    const cursor = cursorAt(place, request.text, index);
    const { jobs } = client;
    const here = () => {
      const { name: doc, rev } = place.mirror;
      return { doc, rev, cell: place.cell, offset: request.offset };
    };
    const isCurrent = () => place.mirror.rev === asked;
    const ask: IAsk = {
      suggestion: listener =>
        reason ? null : jobs.start(here(), trigger, listener),
      following: (text, listener) =>
        reason || !isCurrent() ? null : jobs.ahead(here(), text, listener),
      alternatives: (text, by, listener) =>
        (reason && by === 'auto') || !isCurrent()
          ? null
          : jobs.alternatives(here(), text, by, listener)
    };
    const again = trigger === 'invoke';
    const generation = await this.suggester.serve(cursor, ask, again);
    if (!generation || turn !== this._turn) {
      return [];
    }
    this.options.completers.reserve(completer, generation.isBlock);
    setTimeout(() => this._emitShown());
    return generation
      .choices(cursor)
      .map(choice => this._item(choice, cursor, turn, completer));
  }

  private _item(
    generation: Generation,
    cursor: ICursor,
    turn: number,
    completer: InlineCompleter
  ): Item {
    const item: Item = {
      insertText: remainder(generation, cursor) ?? '',
      isIncomplete: isGrowing(generation, cursor)
    };
    this._generations.set(item, generation);
    if (item.isIncomplete) {
      item.token = `${turn}`;
      const reader = { generation, cursor, item, turn, completer };
      this._readers.set(item.token, reader);
    }
    return item;
  }

  /** Adds an alternative to what is shown, without showing it unless it is awaited. */
  private _append(found: Generation): void {
    const completer = this.options.completers.active();
    const current = completer?.current;
    const shown = current && this._generations.get(current);
    if (!completer?.model || !shown || shown.group !== found.group) {
      return;
    }
    const item = { insertText: found.text } as CompletionHandler.IInlineItem;
    item.stream = new Signal(item);
    item.provider = this;
    this._generations.set(item, found);
    completer.model.appendCompletions({ items: [item] });
    if (this._wanted) {
      completer.cycle(this._wanted);
    } else {
      this._emitShown();
    }
  }

  /**
   * Notes what was accepted before the person can undo it. Our next question,
   * which would tell the server too, may come only after that.
   */
  private _onAccepted(completer: InlineCompleter): void {
    const model = completer.editor?.model;
    const view = viewOf(completer);
    const place = model && view && this.options.client.documents.open(model);
    if (place) {
      const { head } = view.state.selection.main;
      this.suggester.noteAccepted(
        cursorAt(place, view.state.doc.toString(), head)
      );
    }
  }

  /** What is shown was chosen; where there is no choice yet, one is looked for. */
  private _onCycled({ completer, direction }: ICycle): void {
    const { current } = completer;
    const chosen = current && this._generations.get(current);
    if (!chosen) {
      return;
    }
    this._wanted = null;
    this.suggester.choose(chosen);
    if (completer.model?.completions?.items.length === 1) {
      this._wanted = direction;
      this.suggester.findAlternatives('invoke');
    }
    this._emitShown();
  }

  private _refusal(
    completer: InlineCompleter,
    model: CodeEditor.IModel,
    place: IPlace,
    trigger: Trigger
  ): Refusal | null {
    const view = viewOf(completer);
    const host = completer.editor?.host;
    const now = {
      trigger,
      cellType: place.cellType,
      language: place.language,
      readOnly: !!view?.state.readOnly,
      selecting: !view?.state.selection.main.empty,
      composing: !!view?.composing,
      reviewing: !!view && isReviewing(view.state),
      listOpen:
        completer.suppressIfTabCompleterActive &&
        !!host?.classList.contains(LIST_OPEN_CLASS)
    };
    return refusal(now, this.options.client.preferences(model));
  }

  private _emitShown(): void {
    const completer = this.options.completers.active();
    if (completer?.current?.provider === this) {
      this._shown.emit(completer);
    }
  }

  /**
   * Waits until highlighted ghost text is drawn, which happens asynchronously.
   * The next text and the end of the stream draw again, and two drawings at
   * once would double the text.
   */
  private async _drawn(completer: InlineCompleter): Promise<void> {
    const start = performance.now();
    while (
      this.isHighlighted &&
      isDrawing(completer) &&
      performance.now() - start < HIGHLIGHT_MS
    ) {
      await nextPaint();
    }
  }

  private _turn = 0;
  private _asTyped = false;
  /** Where the person wants to go once there is an alternative. */
  private _wanted: ICycle['direction'] | null = null;
  private readonly _generations = new WeakMap<Item, Generation>();
  private readonly _readers = new Map<string, IReader>();
  private readonly _shown = new Signal<this, InlineCompleter>(this);
}

/** The cursor behind `index` UTF-16 units of the `text` at `place`. */
function cursorAt(place: IPlace, text: string, index: number): ICursor {
  return {
    cell: `${place.mirror.name}/${place.cell}`,
    head: text.slice(0, index),
    tail: text.slice(index)
  };
}

/** Drawing more often than the screen does is work that nobody sees. */
function nextPaint(): Promise<void> {
  return new Promise(resolve => requestAnimationFrame(() => resolve()));
}

/** Resolves when the next frame is on the screen. */
async function painted(): Promise<void> {
  await nextPaint();
  await new Promise(resolve => setTimeout(resolve));
}

export namespace FastgenProvider {
  /** What the provider works with. */
  export interface IOptions {
    readonly client: IFastgenClient;
    readonly completers: Completers;
    readonly trans: TranslationBundle;
    /** A sentence for the person that says why nothing is asked for in a text. */
    readonly explain: (
      reason: Refusal,
      model: CodeEditor.IModel | undefined
    ) => string;
  }
}
