import { LineMap } from './linemap';

describe('LineMap', () => {
  const follow = (...texts: string[]) => {
    const map = new LineMap('a\nb\nc\nd');
    texts.forEach(text => map.follow(text));
    return map;
  };

  it('finds lines that moved, through several changes', () => {
    const map = follow('new\na\nb\nc\nd', 'new\na\nB\nc\nd', 'a\nB\nx\nc\nd');
    expect(map.find(0, 1)).toBe(0);
    expect(map.find(2, 4)).toBe(3);
    expect(map.find(1, 2)).toBeNull();
  });

  it('does not find lines that were parted', () => {
    expect(follow('a\nb\nx\nc\nd').find(1, 3)).toBeNull();
  });

  it.each([
    ['between lines', 'a\nb\nc\nd', 2, 2],
    ['behind a line that others were put behind', 'a\nb\nx\nc\nd', 2, 2],
    ['before a line when the one before changed', 'a\nB\nc\nd', 2, 2],
    ['at the top, whatever is there', 'x', 0, 0],
    ['at the end, whatever is there', 'x\ny', 4, 2]
  ])('finds a place %s', (_, text, place, now) => {
    expect(follow(text).find(place, place)).toBe(now);
  });

  it('does not find a place whose lines are gone, or that never was', () => {
    expect(follow('x\ny').find(2, 2)).toBeNull();
    expect(follow().find(3, 6)).toBeNull();
    expect(follow().find(2, 1)).toBeNull();
  });

  it('finds the place for lines in an empty text', () => {
    expect(new LineMap('').find(0, 0)).toBe(0);
  });
});
