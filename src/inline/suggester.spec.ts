import type { IJobListener } from '../client/jobs';
import type { DoneReason } from '../client/protocol';
import { Generation, ICursor, remainder } from './generation';
import { IAsk, Suggester } from './suggester';

function at(text: string, cell = 'c'): ICursor {
  const [head, tail] = text.split('|');
  return { cell, head, tail };
}

/** A server that answers when the test says so. */
class FakeServer {
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
    listener.done({ type: 'done', id: 1, reason, why: '', counts: null });
  }
}

function setUp(onAlternative?: (found: Generation) => void) {
  const server = new FakeServer();
  const suggester = new Suggester(onAlternative);
  const serve = async (text: string, again = false, cell = 'c') => {
    const cursor = at(text, cell);
    const generation = await suggester.serve(cursor, server.ask, again);
    return generation && remainder(generation, cursor);
  };
  return { server, suggester, serve };
}

const settled = () => new Promise(resolve => setTimeout(resolve));

describe('Suggester', () => {
  it('answers with the first text', async () => {
    const { server, serve } = setUp();
    const answer = serve('p|');
    server.text('rint');
    expect(await answer).toBe('rint');
  });

  it('asks nothing while a growing answer is typed through', async () => {
    const { server, serve } = setUp();
    const first = serve('p|');
    server.text('rin');
    await first;
    expect(await serve('pr|')).toBe('in');
    const ahead = serve('prin|');
    server.text('t(x)');
    expect(await ahead).toBe('t(x)');
    server.done();
    expect(await serve('print(|')).toBe('x)');
    expect(server.said).toEqual(['complete']);
  });

  it('asks anew as soon as a growing answer is contradicted', async () => {
    const { server, serve } = setUp();
    void serve('p|');
    const second = serve('pa|');
    expect(server.said).toEqual(['complete']);
    server.text('rint');
    await settled();
    expect(server.said).toEqual(['complete', 'complete']);
    server.text('ss');
    expect(await second).toBe('ss');
  });

  it('asks nothing for going back, or for typing it again', async () => {
    const { server, serve } = setUp();
    const first = serve('p|');
    server.text('rint');
    server.done();
    await first;
    expect(await serve('pr|')).toBe('int');
    expect(await serve('pri|')).toBe('nt');
    expect(await serve('pr|')).toBe('int');
    const other = serve('prx|');
    server.text('yz');
    server.done();
    await other;
    expect(await serve('pr|')).toBe('int');
    expect(await serve('pri|')).toBe('nt');
    expect(server.said).toEqual(['complete', 'complete']);
  });

  it('ends what runs when an earlier answer fits instead', async () => {
    const { server, serve } = setUp();
    const first = serve('p|');
    server.text('rint');
    server.done();
    await first;
    void serve('px|');
    expect(await serve('p|')).toBe('rint');
    expect(server.said).toEqual(['complete', 'complete', 'cancel']);
  });

  it('asks for more when an answer is typed to its end', async () => {
    const { server, serve } = setUp();
    const first = serve('p|');
    server.text('r');
    server.done();
    await first;
    const next = serve('pr|');
    expect(server.said).toEqual(['complete', 'complete']);
    server.text('int');
    expect(await next).toBe('int');
  });

  it('remembers that there is nothing, unless asked again', async () => {
    const { server, serve } = setUp();
    const first = serve('p|');
    server.done(undefined, 'empty');
    expect(await first).toBeNull();
    expect(await serve('p|')).toBeNull();
    expect(server.said).toEqual(['complete']);
    const again = serve('p|', true);
    server.text('rint');
    expect(await again).toBe('rint');
  });

  it('takes back what is held, and remembers that nothing is left', async () => {
    const { server, suggester, serve } = setUp();
    const first = suggester.serve(at('p|'), server.ask);
    server.text('rint');
    const generation = await first;
    expect(generation?.text).toBe('rint');
    const told = generation?.changed();
    server.done(undefined, 'held');
    await told;
    expect(generation?.withdrawn).toBe(true);
    expect(generation?.text).toBe('');
    expect(await serve('p|')).toBeNull();
    expect(server.said).toEqual(['complete']);
    void serve('pr|');
    expect(server.said).toEqual(['complete', 'complete']);
  });

  it('does not remember what failed', async () => {
    const { server, suggester, serve } = setUp();
    const first = serve('p|');
    server.done(undefined, 'unavailable');
    expect(await first).toBeNull();
    expect(suggester.wasUnavailable).toBe(true);
    void serve('p|');
    expect(server.said).toEqual(['complete', 'complete']);
  });

  it('keeps what came before a request was given up', async () => {
    const { server, suggester, serve } = setUp();
    const first = serve('p|');
    server.text('ri');
    await first;
    suggester.stop();
    expect(await serve('p|')).toBe('ri');
    expect(server.said).toEqual(['complete', 'cancel']);
  });

  it('lets an earlier question go when a later one comes', async () => {
    const { server, serve } = setUp();
    const first = serve('p|');
    const second = serve('x|');
    server.text('yz');
    expect(await first).toBeNull();
    expect(await second).toBe('yz');
  });

  it('cancels in one cell when it asks in another', async () => {
    const { server, serve } = setUp();
    void serve('p|');
    void serve('p|', false, 'other');
    expect(server.said).toEqual(['complete', 'complete', 'cancel']);
  });

  it('does not show again what was dismissed', async () => {
    const { server, suggester, serve } = setUp();
    const first = serve('p|');
    server.text('rint');
    server.done();
    await first;
    suggester.dismiss();
    void serve('pr|');
    expect(server.said).toEqual(['complete', 'complete']);
  });

  it('gives up when told to', async () => {
    const { server, suggester, serve } = setUp();
    const first = serve('p|');
    suggester.stop();
    expect(await first).toBeNull();
    expect(server.said).toEqual(['complete', 'cancel']);
  });

  it('waits for another key when the server wants that', async () => {
    const { server, suggester, serve } = setUp();
    suggester.debounce = 20;
    const first = serve('p|');
    const second = serve('pr|');
    expect(server.said).toEqual([]);
    expect(await first).toBeNull();
    await new Promise(resolve => setTimeout(resolve, 30));
    expect(server.said).toEqual(['complete']);
    server.text('int');
    expect(await second).toBe('int');
    void serve('x|');
    expect(server.said).toEqual(['complete', 'cancel']);
    suggester.stop();
  });

  it('still serves what it has when nothing is to be asked', async () => {
    const { server, suggester, serve } = setUp();
    const first = serve('p|');
    server.text('rint');
    await first;
    const ask = {
      suggestion: () => null,
      following: () => null,
      alternatives: () => null
    };
    const quiet = (text: string) => suggester.serve(at(text), ask);
    expect(await quiet('pr|')).not.toBeNull();
    expect(server.said).toEqual(['complete']);
    expect(await quiet('px|')).toBeNull();
    expect(server.said).toEqual(['complete', 'cancel']);
  });

  describe('alternatives', () => {
    beforeEach(() => jest.useFakeTimers());
    afterEach(() => jest.useRealTimers());

    async function shown() {
      const found: string[] = [];
      const all = setUp(({ text }) => found.push(text));
      const answer = all.serve('p|');
      all.server.text('rint(x)');
      await answer;
      all.server.done();
      return { ...all, found };
    }

    it('are looked for once what follows is known and the text has stood', async () => {
      const { server, found } = await shown();
      jest.advanceTimersByTime(500);
      server.done();
      jest.advanceTimersByTime(900);
      expect(server.said).toEqual(['complete', 'ahead rint(x)']);
      jest.advanceTimersByTime(200);
      expect(server.said[2]).toBe('auto alternatives rint(x)');
      server.text('ass');
      server.text('roduct = 1');
      server.done();
      expect(found).toEqual(['ass', 'roduct = 1']);
      jest.advanceTimersByTime(10_000);
      expect(server.said).toHaveLength(3);
    });

    it('by key end the work ahead, and the next key ends them', async () => {
      const { server, suggester, serve } = await shown();
      jest.advanceTimersByTime(500);
      suggester.findAlternatives('invoke');
      suggester.findAlternatives('invoke');
      expect(server.said).toEqual([
        'complete',
        'ahead rint(x)',
        'cancel',
        'invoke alternatives rint(x)'
      ]);
      expect(await serve('pr|')).toBe('int(x)');
      expect(server.said[4]).toBe('cancel');
      // Ended early, they may be asked for again.
      suggester.findAlternatives('invoke');
      expect(server.said[5]).toBe('invoke alternatives int(x)');
    });

    it('are typed through without a request, as is the text itself', async () => {
      const { server, suggester, serve } = await shown();
      suggester.findAlternatives('invoke');
      server.text('ass');
      server.done();
      expect(await serve('pr|')).toBe('int(x)');
      expect(await serve('pa|')).toBe('ss');
      expect(server.said).toHaveLength(2);
    });

    it('once chosen go before the text where both fit', async () => {
      const { server, suggester, serve } = await shown();
      suggester.findAlternatives('invoke');
      server.text('rint(y)');
      server.done();
      const cursor = at('p|');
      const shownNow = await suggester.serve(cursor, server.ask);
      const [, other] = shownNow!.choices(cursor);
      suggester.choose(other);
      expect(await serve('pr|')).toBe('int(y)');
      expect(await serve('print(|')).toBe('y)');
      expect(await serve('print(x|')).toBe(')');
    });

    it('are dismissed with the text', async () => {
      const { server, suggester, serve } = await shown();
      suggester.findAlternatives('invoke');
      server.text('ass');
      server.done();
      suggester.dismiss();
      void serve('p|');
      expect(server.said.pop()).toBe('complete');
      expect(server.said).toHaveLength(2);
    });

    it('are not looked for again where there are none', async () => {
      const { server, suggester } = await shown();
      suggester.findAlternatives('invoke');
      server.done(undefined, 'empty');
      suggester.findAlternatives('invoke');
      expect(server.said).toHaveLength(2);
    });
  });

  describe('ahead of the person', () => {
    beforeEach(() => jest.useFakeTimers());
    afterEach(() => jest.useRealTimers());

    async function shown() {
      const all = setUp();
      const answer = all.serve('p|');
      all.server.text('rint(x)');
      await answer;
      all.server.done();
      return all;
    }

    it('asks after a rest for what follows, and shows it once the text is taken', async () => {
      const { server, serve } = await shown();
      jest.advanceTimersByTime(1000);
      expect(server.said).toEqual(['complete', 'ahead rint(x)']);
      server.text('\nprint(y)');
      expect(await serve('pr|')).toBe('int(x)');
      server.done();
      expect(await serve('print(x)|')).toBe('\nprint(y)');
      expect(await serve('print(x)\n|')).toBe('print(y)');
      expect(server.said).toHaveLength(2);
    });

    it('asks for one thing after the other, each once', async () => {
      const { server, serve } = await shown();
      jest.advanceTimersByTime(1000);
      server.text('\ny');
      server.done();
      await serve('pri|');
      jest.advanceTimersByTime(1000);
      expect(server.said).toHaveLength(2);
      await serve('print(x)|');
      jest.advanceTimersByTime(1000);
      expect(server.said[2]).toBe('ahead \ny');
      server.text('\nz');
      server.done();
      expect(await serve('print(x)\ny|')).toBe('\nz');
      expect(server.said).toHaveLength(3);
    });

    it('does not while the person types', async () => {
      const { server, serve } = await shown();
      for (const text of ['pr|', 'pri|', 'prin|']) {
        jest.advanceTimersByTime(150);
        await serve(text);
      }
      expect(server.said).toEqual(['complete']);
    });

    it('does not in the middle of a line', async () => {
      const { server, serve } = setUp();
      const answer = serve('p|)');
      server.text('rint(x');
      await answer;
      server.done();
      jest.advanceTimersByTime(1000);
      expect(server.said).toEqual(['complete']);
    });

    it('gives it up for a key that wants something else', async () => {
      const { server, serve } = await shown();
      jest.advanceTimersByTime(1000);
      server.text('\nprint(y)');
      const answer = serve('q|');
      server.text('uit()');
      expect(await answer).toBe('uit()');
      // The server supersedes by itself: no message is needed.
      expect(server.said).toEqual(['complete', 'ahead rint(x)', 'complete']);
    });

    it('waits for what follows if the text is taken first', async () => {
      const { server, serve } = await shown();
      jest.advanceTimersByTime(1000);
      const answer = serve('print(x)|');
      server.text('\nprint(y)');
      expect(await answer).toBe('\nprint(y)');
    });

    it('asks nothing more where it is known that nothing follows', async () => {
      const { server, serve } = await shown();
      jest.advanceTimersByTime(1000);
      server.done(undefined, 'empty');
      expect(await serve('print(x)|')).toBeNull();
      expect(server.said).toHaveLength(2);
      void serve('print(x)\n|');
      expect(server.said[2]).toBe('complete');
    });

    it('asks anew where it is not known what follows', async () => {
      const { server, serve } = await shown();
      jest.advanceTimersByTime(1000);
      server.done(undefined, 'cancelled');
      void serve('print(x)|');
      expect(server.said[2]).toBe('complete');
    });
  });

  it('knows what was suggested elsewhere, from the start on and within', async () => {
    const { server, suggester, serve } = setUp();
    suggester.adopt(at('|', 'new'), 'x = 1\ny = 2');
    expect(await serve('|', false, 'new')).toBe('x = 1\ny = 2');
    expect(await serve('x = 1|', false, 'new')).toBe('\ny = 2');
    expect(server.said).toEqual([]);
    void serve('x = 2|', false, 'new');
    expect(server.said).toEqual(['complete']);
  });

  describe('what became of a suggestion', () => {
    async function shown() {
      const all = setUp();
      const first = all.serve('p|');
      all.server.text('rint\u{1F600}(x)');
      all.server.done();
      await first;
      return all;
    }

    it('is told when something else is typed', async () => {
      const { server, serve } = await shown();
      await serve('pr|');
      expect(server.kept).toEqual([]);
      void serve('print\u{1F600}y|');
      expect(server.kept).toEqual([5]);
      void serve('print\u{1F600}yz|');
      expect(server.kept).toEqual([5]);
    });

    it('is told when all of it stands there', async () => {
      const { server, serve } = await shown();
      void serve('print\u{1F600}(x)|');
      expect(server.kept).toEqual([8]);
    });

    it('is told when it is dismissed', async () => {
      const { server, suggester } = await shown();
      suggester.dismiss();
      suggester.dismiss();
      expect(server.kept).toEqual([0]);
    });

    it('is not told of one that was never seen, or left alone', async () => {
      const { server, suggester, serve } = setUp();
      void serve('p|');
      void serve('pa|');
      suggester.stop();
      expect(server.kept).toEqual([]);
      const { server: other, serve: go } = await shown();
      void go('x = 1|', false, 'd');
      void go('|');
      expect(other.kept).toEqual([]);
    });

    it('waits for the end of a growing one', async () => {
      const { server, serve } = setUp();
      const first = serve('p|');
      server.text('rint');
      await first;
      void serve('print|');
      expect(server.kept).toEqual([]);
      void serve('print(|');
      expect(server.kept).toEqual([]);
    });
  });
});
