import type { CodeEditor } from '@jupyterlab/codeeditor';
import type { IFastgenClient } from '../tokens';
import { countPoints } from '../client/delta';
import { isWelcome } from './policy';

/** Milliseconds the cursor must rest: shorter than a thought, longer than a key. */
const REST_MS = 150;

/**
 * Tells the server where the cursor has come to rest, so that it can read the
 * text there before the first key.
 */
export class Warmer {
  constructor(private readonly client: IFastgenClient) {}

  /**
   * The cursor is in the text of `model`; after a rest the server is told.
   *
   * @param model - the text
   * @param index - gives the cursor's place in UTF-16 units, asked when the
   * rest is over
   */
  rest(model: CodeEditor.IModel, index: () => number): void {
    clearTimeout(this._timer);
    this._timer = setTimeout(() => this._warm(model, index()), REST_MS);
  }

  /** The person types: requests say where, and warming would be in their way. */
  cancel(): void {
    clearTimeout(this._timer);
  }

  /** What the server has read is no longer current; the next rest counts anew. */
  forget(): void {
    this._last = '';
  }

  private _warm(model: CodeEditor.IModel, index: number): void {
    const { documents, jobs, socket } = this.client;
    if (model.isDisposed || jobs.isBusy) {
      return;
    }
    const wanted = this.client.preferences(model);
    const place = wanted.enabled ? documents.open(model) : null;
    if (!place || !isWelcome(place, wanted)) {
      return;
    }
    const { mirror, cell } = place;
    const offset = countPoints(model.sharedModel.getSource(), 0, index);
    const position = { doc: mirror.name, rev: mirror.rev, cell, offset };
    const key = JSON.stringify(position);
    if (key !== this._last && socket.send({ type: 'warm', ...position })) {
      this._last = key;
    }
  }

  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _last = '';
}
