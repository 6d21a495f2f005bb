import { at, settled, setUp } from './testing';

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
