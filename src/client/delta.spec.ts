import { apply, countPoints, diff, indexOfPoint } from './delta';

describe('countPoints and indexOfPoint', () => {
  it('count code points, not UTF-16 units', () => {
    expect(countPoints('s = "😀😀"; p')).toBe(11);
    expect(indexOfPoint('s = "😀😀"; p', 11)).toBe(13);
    expect(indexOfPoint('😀a', 1)).toBe(2);
  });

  it('count between two indices', () => {
    expect(countPoints('a😀b', 1, 3)).toBe(1);
  });

  it('take a lone surrogate for one code point', () => {
    expect(countPoints('a\ud83d')).toBe(2);
    expect(indexOfPoint('\ud83da', 1)).toBe(1);
  });

  it('stop at the end', () => {
    expect(indexOfPoint('ab', 9)).toBe(2);
  });
});

describe('diff', () => {
  it('is null for equal texts', () => {
    expect(diff('a', 'a')).toBeNull();
  });

  it.each([
    ['', 'a', { start: 0, end: 0, text: 'a' }],
    ['ab', 'a', { start: 1, end: 2, text: '' }],
    ['print(x)', 'print(y)', { start: 6, end: 7, text: 'y' }],
    ['aa', 'aaa', { start: 2, end: 2, text: 'a' }],
    ['é😀b', 'é😀cb', { start: 2, end: 2, text: 'c' }]
  ])('of %j and %j', (before, after, delta) => {
    expect(diff(before, after)).toEqual(delta);
  });

  it('does not part code points that share a half', () => {
    // U+1F600 and U+1F601 begin alike, U+1F600 and U+1F900 end alike.
    expect(diff('😀', '😁')).toEqual({ start: 0, end: 1, text: '😁' });
    expect(diff('\u{1f600}', '\u{1fa00}')?.text).toBe('\u{1fa00}');
    expect(diff('a😀', 'a😁😀')).toEqual({ start: 1, end: 1, text: '😁' });
  });

  it('turns any text into any other', () => {
    const letters = ['a', 'b', '\n', '😀', '😁', 'é', '\u{1fa00}'];
    let seed = 1;
    const next = (below: number) =>
      (seed = (seed * 48271) % 2147483647) % below;
    const some = () =>
      Array.from({ length: next(7) }, () => letters[next(7)]).join('');
    for (let round = 0; round < 2000; round++) {
      const [before, after] = [some(), some()];
      const delta = diff(before, after);
      expect(delta ? apply(before, delta) : before).toBe(after);
    }
  });
});
