import { scopeNow, scopesOf } from './scope';
import type { ITarget } from './target';

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

describe('scopeNow', () => {
  const target = (texts: Record<string, string>) =>
    ({ textOf: id => texts[id] ?? null }) as ITarget;
  const lines = { kind: 'lines' as const, ids: ['a'], start: 1, end: 2 };

  it('follows lines', () => {
    const now = target({ a: 'new\none\ntwo' });
    expect(scopeNow(lines, 'one\ntwo', now)).toEqual({
      ...lines,
      start: 2,
      end: 3
    });
  });

  it('is nothing once the lines are others or gone', () => {
    expect(scopeNow(lines, 'one\ntwo', target({ a: 'one\n2' }))).toBeNull();
    expect(scopeNow(lines, 'one\ntwo', target({ a: 'one' }))).toBeNull();
    expect(scopeNow(lines, 'one\ntwo', target({}))).toBeNull();
  });

  it('drops cells that are gone', () => {
    const cells = { kind: 'cells' as const, ids: ['a', 'b', 'c'] };
    expect(scopeNow(cells, '', target({ a: '', c: '' }))).toEqual({
      kind: 'cells',
      ids: ['a', 'c']
    });
  });
});
