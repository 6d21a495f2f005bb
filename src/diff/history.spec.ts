import { InstructionHistory } from './history';

function storage(content: string | null = null) {
  return {
    content,
    getItem: () => content,
    setItem: (_: string, value: string) => {
      content = value;
    }
  };
}

describe('InstructionHistory', () => {
  it('keeps the last 50, newest first, each once', () => {
    const kept = storage();
    const history = new InstructionHistory(kept);
    for (let n = 0; n < 60; n++) {
      history.add(`${n}`);
    }
    history.add('30');
    const { all } = new InstructionHistory(kept);
    expect(all).toHaveLength(50);
    expect(all.slice(0, 3)).toEqual(['30', '59', '58']);
    expect(all.filter(known => known === '30')).toHaveLength(1);
  });

  it.each(['nonsense', '{}', '[1, null]'])('survives %j', content => {
    expect(new InstructionHistory(storage(content)).all).toEqual([]);
  });

  it('survives a browser that keeps nothing', () => {
    const history = new InstructionHistory({
      getItem: () => null,
      setItem: () => {
        throw new Error('denied');
      }
    });
    expect(() => history.add('x')).not.toThrow();
  });
});
