import { cleanTraceback, deepestCell } from './traceback';

const LINES = [
  '\u001b[31m---------\u001b[39m',
  '\u001b[31mZeroDivisionError\u001b[39m  Traceback (most recent call last)',
  '\u001b[36mCell\u001b[39m\u001b[36m \u001b[39m\u001b[32mIn[5]\u001b[39m\u001b[32m, line 1\u001b[39m',
  '\u001b[32m----> 1\u001b[39m mean([])',
  '\u001b[36mCell\u001b[39m\u001b[36m \u001b[39m\u001b[32mIn[3]\u001b[39m\u001b[32m, line 2\u001b[39m, in mean(x)',
  'File /lib/python3.11/statistics.py:100, in helper()',
  '\u001b[31mZeroDivisionError\u001b[39m: division by zero'
];

describe('cleanTraceback', () => {
  it('removes colours', () => {
    const text = cleanTraceback(LINES);
    expect(text).toContain('Cell In[3], line 2, in mean(x)');
    expect(text).not.toContain('\u001b');
  });

  it('keeps the end of a long one', () => {
    const lines = Array.from({ length: 100 }, (_, n) => `frame ${n}`);
    const kept = cleanTraceback(lines).split('\n');
    expect(kept).toHaveLength(40);
    expect(kept[39]).toBe('frame 99');
  });
});

describe('deepestCell', () => {
  it('is the last cell of the notebook that is named', () => {
    expect(deepestCell(cleanTraceback(LINES))).toBe(3);
  });

  it.each([
    ['Input In [7], in <cell line: 1>()', 7],
    ['<ipython-input-12-abc9> in <module>', 12],
    ['File "a.py", line 3', null]
  ])('knows the forms of older versions: %s', (text, number) => {
    expect(deepestCell(text)).toBe(number);
  });
});
