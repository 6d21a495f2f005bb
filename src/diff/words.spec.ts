import { wordChanges } from './words';

function cut(text: string, ranges: readonly { from: number; to: number }[]) {
  return ranges.map(({ from, to }) => text.slice(from, to));
}

describe('wordChanges', () => {
  it.each([
    ['x = old_name + 1', 'x = new_name + 1', ['old_name'], ['new_name']],
    ['f(a)', 'f(a, b=2)', [], [', b=2']],
    ['f(a, b)\nreturn a', 'f(a)\nreturn a', [', b'], []],
    ['é = 1', 'é = 12', ['1'], ['12']]
  ])('tells what differs between %j and %j', (before, after, gone, come) => {
    const { removed, added } = wordChanges(before, after);
    expect(cut(before, removed)).toEqual(gone);
    expect(cut(after, added)).toEqual(come);
  });

  it('tells nothing of texts with little in common', () => {
    const nothing = { removed: [], added: [] };
    expect(wordChanges('x = 1', 'for ride in rides:')).toEqual(nothing);
  });
});
