import type { IRecord } from '../client/log';
import type { ISnapshot, State } from './model';
import { label, result, title } from './text';

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
  firstMs: null,
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
    [{ state: 'error' }, 'error']
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

describe('result', () => {
  const record: IRecord = {
    time: 0,
    trigger: 'auto',
    result: 'superseded',
    why: '',
    firstMs: null,
    counts: null,
    times: 1
  };

  it('tells a suggestion that was seen from one that was not', () => {
    expect(result(record, trans)).toBe('overtaken by the next key');
    expect(result({ ...record, firstMs: 60 }, trans)).toBe(
      'shown, then given up'
    );
    expect(result({ ...record, result: 'empty' }, trans)).toBe(
      'nothing worth showing'
    );
    expect(result({ ...record, result: 'held', firstMs: 60 }, trans)).toBe(
      'held back'
    );
  });
});
