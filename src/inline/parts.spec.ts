import { firstLine, firstWord } from './parts';

describe('firstWord', () => {
  it.each([
    ['import numpy', 'import'],
    [' numpy as np', ' numpy'],
    ['.mean()', '.'],
    ['mean()', 'mean'],
    ['()\nx', '()'],
    ['\n    return x', '\n    return'],
    ['größe = 1', 'größe'],
    ['名前 = 1', '名前'],
    ['  ', '  '],
    ['', '']
  ])('of %j is %j', (text, word) => {
    expect(firstWord(text)).toBe(word);
  });

  it.each(['total = sum(x for x in y)\n    print(f"{a:.2f}")', '🎉🎉 x'])(
    'leads through all of %j',
    text => {
      let rest = text;
      while (rest) {
        const word = firstWord(rest);
        expect(word).not.toBe('');
        rest = rest.slice(word.length);
      }
    }
  );
});

describe('firstLine', () => {
  it.each([
    ['x = 1', 'x = 1'],
    ['x = 1\ny = 2', 'x = 1'],
    ['\ny = 2\nz = 3', '\ny = 2'],
    ['\n\n    y = 2\n', '\n\n    y = 2'],
    ['', '']
  ])('of %j is %j', (text, line) => {
    expect(firstLine(text)).toBe(line);
  });
});
