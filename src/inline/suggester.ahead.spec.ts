import { setUp } from './testing';

describe('Suggester, ahead of the person,', () => {
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

  it('asks again behind another key where that was refused', async () => {
    const { server, serve } = await shown();
    jest.advanceTimersByTime(1000);
    server.done(undefined, 'cancelled');
    jest.advanceTimersByTime(1000);
    await serve('pr|');
    jest.advanceTimersByTime(1000);
    expect(server.said.filter(said => said.startsWith('ahead'))).toEqual([
      'ahead rint(x)',
      'ahead int(x)'
    ]);
  });
});
