import type { IJobListener } from '../client/jobs';
import type { DoneReason } from '../client/protocol';
import { Generation, ICursor, remainder } from './generation';
import { IAsk, Suggester } from './suggester';

/** The cursor stands at the `|` of `text`. */
export function at(text: string, cell = 'c'): ICursor {
  const [head, tail] = text.split('|');
  return { cell, head, tail };
}

/** A server that answers when the test says so. */
export class FakeServer {
  readonly asked: IJobListener[] = [];
  readonly said: string[] = [];
  /** Of each suggestion that is settled, how much was kept. */
  readonly kept: number[] = [];

  readonly ask: IAsk = {
    suggestion: listener => this._hear('complete', listener),
    following: (text, listener) => this._hear(`ahead ${text}`, listener),
    alternatives: (text, trigger, listener) =>
      this._hear(`${trigger} alternatives ${text}`, listener)
  };

  private _hear(said: string, listener: IJobListener) {
    this.said.push(said);
    this.asked.push(listener);
    let isOver = false;
    const end = (reason: DoneReason) => {
      if (!isOver) {
        isOver = true;
        if (reason === 'cancelled') {
          this.said.push('cancel');
        }
        this.done(listener, reason);
      }
    };
    return {
      cancel: () => end('cancelled'),
      supersede: () => end('superseded'),
      settle: (kept: number) => {
        this.kept.push(kept);
      }
    };
  }

  text(addition: string): void {
    this.asked[this.asked.length - 1].text(addition, false);
  }

  done(
    listener = this.asked[this.asked.length - 1],
    reason: DoneReason = 'stop'
  ): void {
    listener.done({
      type: 'done',
      id: 1,
      reason,
      why: '',
      counts: null,
      by: ''
    });
  }
}

/** A suggester and its server; `serve` gives the text that is then shown. */
export function setUp(onAlternative?: (found: Generation) => void) {
  const server = new FakeServer();
  const suggester = new Suggester(onAlternative);
  const serve = async (text: string, again = false, cell = 'c') => {
    const cursor = at(text, cell);
    const generation = await suggester.serve(cursor, server.ask, again);
    return generation && remainder(generation, cursor);
  };
  return { server, suggester, serve };
}

/** Lets what waits go on. */
export const settled = () => new Promise(resolve => setTimeout(resolve));
