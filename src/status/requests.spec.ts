import type { IRecord } from '../client/log';
import { result } from './requests';

const trans = {
  __: (text: string, ...values: unknown[]) =>
    text.replace(/%(\d)/g, (_, n) => String(values[n - 1]))
};

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
