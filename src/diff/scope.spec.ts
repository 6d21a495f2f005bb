import { scopesOf } from './scope';

const STAND = {
  ids: ['a', 'b', 'c'],
  active: 'b',
  selected: ['b'],
  lines: null
};

describe('scopesOf', () => {
  const kinds = (stand: object) =>
    scopesOf({ ...STAND, ...stand }).map(({ kind }) => kind);

  it('begins with what is selected', () => {
    expect(kinds({})).toEqual(['cell', 'document']);
    expect(kinds({ lines: [1, 3] })).toEqual(['lines', 'cell', 'document']);
    expect(kinds({ selected: ['a', 'b'] })).toEqual([
      'cells',
      'cell',
      'document'
    ]);
  });

  it('does not name a document of one cell twice', () => {
    expect(kinds({ ids: ['b'] })).toEqual(['document']);
  });

  it('carries the lines of a selection', () => {
    expect(scopesOf({ ...STAND, lines: [1, 3] })[0]).toEqual({
      kind: 'lines',
      ids: ['b'],
      start: 1,
      end: 3
    });
  });
});
