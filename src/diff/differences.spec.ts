import { differences } from './differences';

describe('differences', () => {
  const of = (before: string, after: string) =>
    differences([...before], [...after]).map(({ start, end, from, to }) => [
      start,
      end,
      from,
      to
    ]);

  it.each([
    ['abc', 'abc', []],
    ['', 'ab', [[0, 0, 0, 2]]],
    ['abcd', 'ad', [[1, 3, 1, 1]]],
    [
      'abcdef',
      'aXcdYef',
      [
        [1, 2, 1, 2],
        [4, 4, 4, 5]
      ]
    ]
  ])('from %j to %j', (before, after, found) => {
    expect(of(before, after)).toEqual(found);
  });

  it('is one of very long lists, but for their ends', () => {
    const long = (item: string) => [
      'first',
      ...new Array(2000).fill(item),
      'same',
      ...new Array(2000).fill(item)
    ];
    expect(differences(long('a'), long('b'))).toEqual([
      { start: 1, end: 4002, from: 1, to: 4002 }
    ]);
  });
});
