import { decode, encode, MAX_FRAME, toStatus } from './frames';

describe('decode', () => {
  it('fills in what the server leaves out', () => {
    expect(decode('{"type":"status","state":"ready"}')).toEqual({
      type: 'status',
      state: 'ready',
      model: '',
      engine: '',
      where: '',
      remote: '',
      progress: null,
      detail: '',
      remedy: ''
    });
    expect(decode('{"type":"done","id":3,"reason":"stop"}')).toMatchObject({
      why: '',
      counts: null
    });
    expect(
      decode('{"type":"done","id":3,"reason":"stop","counts":{"new_tokens":5}}')
    ).toMatchObject({
      counts: { new_tokens: 5, prompt_tokens: 0, accepted_tokens: 0 }
    });
    expect(decode('{"type":"chunk","id":3,"text":"x"}')).toMatchObject({
      block: false
    });
    expect(
      decode('{"type":"hunks","id":3,"hunks":[{"cell":"a","end":1}]}')
    ).toEqual({
      type: 'hunks',
      id: 3,
      hunks: [
        {
          cell: 'a',
          start: 0,
          end: 1,
          new: [],
          kind: 'lines',
          type: 'code',
          after: '',
          label: '',
          reasons: []
        }
      ],
      final: false
    });
    expect(
      decode('{"type":"progress","id":3,"phase":"reading"}')
    ).toMatchObject({ fraction: null, lines: 0, cell: '', line: 0 });
    expect(
      decode('{"type":"welcome","protocol":1,"version":"1"}')
    ).toMatchObject({ actions: [] });
    expect(decode('{"type":"fault","message":"no"}')).toMatchObject({
      fatal: false
    });
  });

  it.each(['', 'nonsense', 'null', '[]', '{"type":"later"}', '7'])(
    'ignores %j',
    frame => {
      expect(decode(frame)).toBeNull();
    }
  );
});

describe('toStatus', () => {
  it('reads the answer of the REST status, which has no type', () => {
    expect(toStatus({ state: 'missing', remedy: 'pull' })).toMatchObject({
      type: 'status',
      state: 'missing',
      remedy: 'pull'
    });
  });
});

describe('encode', () => {
  it('keeps a keystroke below 300 bytes', () => {
    const doc = 'd1';
    const cell = '680ed71f-62b6-4f43-b167-2c9d2f1c9005';
    const position = { doc, rev: 99999, cell };
    const [start, end] = [99999, 99999];
    const change = { type: 'change', ...position, start, end, text: 'x' };
    const complete = {
      type: 'complete',
      id: 99999,
      ...position,
      offset: 99999
    };
    expect(encode(change as never)!.length).toBeLessThan(150);
    expect(
      encode({ ...complete, trigger: 'invoke' } as never)!.length
    ).toBeLessThan(150);
  });

  it('refuses what the server would not take, counted in bytes', () => {
    const hello = { type: 'hello', protocol: 1 } as const;
    const fits = 'x'.repeat(MAX_FRAME - 100);
    expect(encode({ ...hello, xsrf: fits })).not.toBeNull();
    const wide = 'é'.repeat(MAX_FRAME / 2);
    expect(encode({ ...hello, xsrf: wide })).toBeNull();
  });
});
