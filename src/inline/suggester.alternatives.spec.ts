import { at, setUp } from './testing';

describe('Suggester: alternatives', () => {
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
