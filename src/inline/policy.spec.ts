import {
  IPreferences,
  ISituation,
  isWelcome,
  mayContinue,
  nextPlace,
  refusal
} from './policy';

const wanted: IPreferences = {
  enabled: true,
  whileTyping: true,
  inProse: false,
  disabledLanguages: ['r'],
  suggestNextCell: true,
  useKernel: true,
  announce: true
};

const typing: ISituation = {
  trigger: 'auto',
  cellType: 'code',
  language: 'python',
  readOnly: false,
  selecting: false,
  composing: false,
  reviewing: false,
  listOpen: false
};

describe('refusal', () => {
  it('is none while code is typed', () => {
    expect(refusal(typing, wanted)).toBeNull();
  });

  it.each([
    [{ readOnly: true }, 'read-only'],
    [{ selecting: true }, 'selection'],
    [{ composing: true }, 'composition'],
    [{ reviewing: true }, 'review'],
    [{ listOpen: true }, 'list'],
    [{ language: 'r' }, 'language'],
    [{ cellType: 'markdown' }, 'prose'],
    [{ cellType: 'raw' }, 'prose']
  ] as [Partial<ISituation>, string][])('with %j is %s', (part, reason) => {
    expect(refusal({ ...typing, ...part }, wanted)).toBe(reason);
  });

  it('honours the settings', () => {
    expect(refusal(typing, { ...wanted, enabled: false })).toBe('disabled');
    expect(refusal(typing, { ...wanted, whileTyping: false })).toBe(
      'by-command'
    );
    const prose = { ...typing, cellType: 'markdown' } as const;
    expect(refusal(prose, { ...wanted, inProse: true })).toBeNull();
  });

  it('lets a command through where typing asks for nothing', () => {
    const invoked = { ...typing, trigger: 'invoke' } as const;
    const quiet = { ...wanted, whileTyping: false };
    expect(refusal({ ...invoked, cellType: 'raw' }, quiet)).toBeNull();
    expect(refusal({ ...invoked, language: 'r' }, quiet)).toBeNull();
    expect(refusal({ ...invoked, readOnly: true }, quiet)).toBe('read-only');
  });
});

describe('mayContinue', () => {
  it('keeps what was asked for by command', () => {
    expect(mayContinue('prose')).toBe(true);
    expect(mayContinue('disabled')).toBe(false);
    expect(mayContinue('selection')).toBe(false);
  });
});

describe('isWelcome', () => {
  it('is where typing would ask', () => {
    expect(isWelcome(typing, wanted)).toBe(true);
    expect(isWelcome({ ...typing, cellType: 'raw' }, wanted)).toBe(false);
    expect(isWelcome({ ...typing, language: 'r' }, wanted)).toBe(false);
    expect(isWelcome(typing, { ...wanted, enabled: false })).toBe(false);
  });
});

describe('nextPlace', () => {
  const cell = (source: string, type: 'code' | 'markdown' = 'code') => ({
    type,
    source
  });

  it('is below the last cell, or in the empty one that follows', () => {
    expect(nextPlace(undefined, 'python', wanted)).toBe('new');
    expect(nextPlace(cell(' \n'), 'python', wanted)).toBe('following');
  });

  it('is nowhere where something stands already', () => {
    expect(nextPlace(cell('x'), 'python', wanted)).toBeNull();
    expect(nextPlace(cell('', 'markdown'), 'python', wanted)).toBeNull();
  });

  it('honours the settings', () => {
    const places = (part: Partial<IPreferences>) =>
      [undefined, cell('')].map(following =>
        nextPlace(following, 'python', { ...wanted, ...part })
      );
    expect(places({ suggestNextCell: false })).toEqual([null, null]);
    expect(places({ enabled: false })).toEqual([null, null]);
    expect(places({ whileTyping: false })).toEqual([null, null]);
    expect(nextPlace(undefined, 'r', wanted)).toBeNull();
  });
});
