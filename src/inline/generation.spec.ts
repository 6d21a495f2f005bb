import { Generation, Generations, ICursor, remainder } from './generation';

/** A cursor at the bar in `text`. */
function at(text: string, cell = 'd1/c'): ICursor {
  const [head, tail] = text.split('|');
  return { cell, head, tail };
}

function answer(origin: string, text: string, done = true): Generation {
  const generation = new Generation(at(origin));
  if (text) {
    generation.append(text);
  }
  if (done) {
    generation.finish();
  }
  return generation;
}

describe('remainder', () => {
  it.each([
    ['where it was asked for', 'p|', 'rint(x)', 'p|', 'rint(x)'],
    ['typed into', 'p|', 'rint(x)', 'print|', '(x)'],
    ['typed otherwise', 'p|', 'rint(x)', 'pa|', null],
    ['typed to its end', 'p|', 'rint', 'print|', null],
    ['typed past its end', 'p|', 'rint', 'print(|', null],
    ['deleted before it', 'pr|', 'int', 'p|', null],
    ['a newline typed through', 'if x:|', '\n    y', 'if x:\n    |', 'y'],
    ['another indentation', 'if x:|', '\n    y', 'if x:\n  |', '  y'],
    ['in the middle of a line', 'f(|)', 'a, b', 'f(a|)', ', b'],
    ['another tail', 'f(|)', 'a, b', 'f(a|]', null],
    ['an emoji', '|', '"😀"', '"|', '😀"'],
    ['an emoji typed', '|', '"😀"', '"😀|', '"']
  ])('%s', (_, origin, text, cursor, rest) => {
    expect(remainder(answer(origin, text), at(cursor))).toBe(rest);
  });

  it('is of one cell only', () => {
    expect(remainder(answer('p|', 'rint'), at('p|', 'd1/other'))).toBeNull();
  });

  it.each([
    ['a bracket closed', 'f|', '(a, b)', 'f(|)', 'a, b'],
    ['one within another', 'f|', '(a(b), c)', 'f(|)', 'a(b), c'],
    ['a bracket not closed yet', 'f|', '(a(b)', 'f(|)', 'a(b)'],
    ['a quote closed', 'x = |', '"ab" + c', 'x = "|"', 'ab'],
    ['two closed', 'f|', '("ab", c)', 'f("|")', 'ab'],
    ['the inner one passed', 'f|', '("ab", c)', 'f("ab"|)', ', c'],
    ['before more text', 'f| + 1', '(a)', 'f(|) + 1', 'a'],
    ['other text behind', 'f|', '(a)', 'f(|x', null]
  ])('with %s by the editor', (_, origin, text, cursor, rest) => {
    expect(remainder(answer(origin, text), at(cursor))).toBe(rest);
  });

  describe('of one that grows', () => {
    it('waits for text while typing is one key ahead', () => {
      expect(remainder(answer('p|', '', false), at('p|'))).toBe('');
      expect(remainder(answer('p|', '', false), at('pr|'))).toBe('');
      expect(remainder(answer('p|', 'r', false), at('pr|'))).toBe('');
      expect(remainder(answer('p|', 'r', false), at('pri|'))).toBe('');
      expect(remainder(answer('x:|', '', false), at('x:\n    |'))).toBe('');
      expect(remainder(answer('|', '', false), at('😀|'))).toBe('');
    });

    it('does not wait further ahead, nor for what is contradicted', () => {
      expect(remainder(answer('p|', '', false), at('pri|'))).toBeNull();
      expect(remainder(answer('p|', 'a', false), at('pr|'))).toBeNull();
    });
  });
});

describe('Generation', () => {
  it('wakes who waits for more', async () => {
    const generation = new Generation(at('p|'));
    const woken: string[] = [];
    const first = generation.changed().then(() => woken.push('text'));
    generation.append('r');
    await first;
    const second = generation.changed().then(() => woken.push('end'));
    generation.finish();
    await second;
    expect(woken).toEqual(['text', 'end']);
    expect(generation.text).toBe('r');
    expect(generation.done).toBe(true);
  });
});

describe('Generations', () => {
  it('shows what was typed and deleted, not what was accepted and deleted', () => {
    const kept = new Generations();
    kept.add(answer('p|', 'rint(x)'));
    for (const text of ['p|', 'pr|', 'pri|', 'pr|', 'p|']) {
      expect(kept.find(at(text))?.rest).toBe('print(x)'.slice(text.length - 1));
    }
    kept.noteAccepted(at('print(|'));
    expect(kept.find(at('print(|'))?.rest).toBe('x)');
    expect(kept.find(at('print|'))).toBeNull();
    expect(kept.find(at('p|'))).toBeNull();
  });

  it('show nothing that was accepted and undone, though suggested twice', () => {
    const kept = new Generations();
    kept.add(answer('import numpy as|', ' np'));
    kept.add(answer('import numpy as |', 'np'));
    // Undone before anything was asked for.
    kept.noteAccepted(at('import numpy as np|'));
    expect(kept.find(at('import numpy as |'))).toBeNull();
    expect(kept.find(at('import numpy as|'))).toBeNull();
  });

  it('keep what was accepted elsewhere', () => {
    const kept = new Generations();
    kept.add(answer('p|', 'rint(x)'));
    kept.noteAccepted(at('print|', 'another'));
    kept.noteAccepted(at('plot|'));
    expect(kept.find(at('p|'))?.rest).toBe('rint(x)');
  });

  it('find the latest that fits', () => {
    const kept = new Generations();
    kept.add(answer('p|', 'rint(a)'));
    kept.add(answer('pr|', 'int(b)'));
    expect(kept.find(at('pri|'))?.rest).toBe('nt(b)');
    expect(kept.find(at('p|'))?.rest).toBe('rint(a)');
    expect(kept.find(at('x|'))).toBeNull();
  });

  it('find nothing to suggest as well, where nothing was found', () => {
    const kept = new Generations();
    kept.add(answer('p|', ''));
    expect(kept.find(at('p|'))?.rest).toBe('');
    expect(kept.find(at('pr|'))).toBeNull();
  });

  it('drop the oldest, and what is removed', () => {
    const kept = new Generations();
    const first = answer('first|', 'a');
    kept.add(first);
    const second = answer('second|', 'a');
    kept.add(second);
    kept.remove(second);
    expect(kept.find(at('second|'))).toBeNull();
    for (let index = 0; index < 16; index++) {
      kept.add(answer(`${index}|`, 'a'));
    }
    expect(kept.find(at('first|'))).toBeNull();
    kept.clear();
    expect(kept.find(at('15|'))).toBeNull();
  });
});
