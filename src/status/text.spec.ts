import type { ISnapshot, State } from './model';
import { allowanceText, label, title, warning } from './text';

const trans = {
  __: (text: string, ...values: unknown[]) =>
    text.replace(/%(\d)/g, (_, n) => String(values[n - 1]))
};

const ready: ISnapshot = {
  state: 'ready',
  model: 'qwen2.5-coder-0.5b',
  engine: 'llama.cpp',
  progress: null,
  detail: '',
  remedy: '',
  where: '',
  remote: '',
  allowance: null,
  place: 0,
  firstMs: null,
  rules: [],
  records: []
};

describe('label', () => {
  it.each([
    [{}, 'ready'],
    [{ firstMs: 61.7 }, 'ready, 62 ms'],
    [{ state: 'busy', firstMs: 61.7 }, 'ready, 62 ms'],
    [{ state: 'downloading', progress: 0.429 }, 'downloading 42 %'],
    [{ state: 'downloading' }, 'downloading'],
    [{ state: 'loading', progress: 1 }, 'loading 100 %'],
    [{ state: 'missing' }, 'no model'],
    [{ state: 'disconnected', firstMs: 60 }, 'disconnected'],
    [{ state: 'disabled' }, 'off'],
    [{ state: 'error' }, 'error'],
    [{ state: 'busy', place: 3 }, 'place 3 in the queue'],
    [{ state: 'disabled', place: 3 }, 'off']
  ] as [Partial<ISnapshot>, string][])('of %j', (part, text) => {
    expect(label({ ...ready, ...part }, trans)).toBe(text);
  });
});

describe('title', () => {
  it('says state, reason, way out, model and engine', () => {
    const snapshot = {
      ...ready,
      state: 'missing' as State,
      detail: 'No file.',
      remedy: 'Pull it.'
    };
    expect(title(snapshot, trans).split('\n')).toEqual([
      'There is no model on this machine yet.',
      'No file.',
      'Pull it.',
      'qwen2.5-coder-0.5b · llama.cpp'
    ]);
  });
});

describe('the allowance', () => {
  const of = (used: number) => ({
    ...ready,
    allowance: { used, limit: 200_000, reset: 0 }
  });

  it('is told with its end', () => {
    const text = allowanceText(of(150_000).allowance, trans);
    expect(text).toContain((150_000).toLocaleString());
    expect(text).toContain((200_000).toLocaleString());
    expect(allowanceText(null, trans)).toBe('');
    expect(title(of(150_000), trans)).toContain(text);
  });

  it.each([
    [159_999, ''],
    [160_000, "Today's tokens are nearly used up."],
    [200_001, "Today's tokens are used up."]
  ])('warns at %d', (used, text) => {
    expect(warning(of(used), trans)).toBe(text);
    expect(title(of(used), trans)).toContain(text);
  });
});
