import { apply } from './delta';
import { ICellSource, Mirror } from './mirror';
import type { FromBrowser, ICell, Ran } from './protocol';

class FakeCell implements ICellSource {
  constructor(
    readonly id: string,
    public text: string
  ) {}
  readonly type = 'code';
  ran: Ran = '';
  getSource() {
    return this.text;
  }
  getRan() {
    return this.ran;
  }
}

/** What the server does with the messages. */
class FakeServer {
  cells: ICell[] = [];
  rev = 0;
  sent: FromBrowser[] = [];
  reachable = true;

  readonly take = (message: FromBrowser): boolean => {
    if (!this.reachable) {
      return false;
    }
    this.sent.push(message);
    if (message.type === 'open') {
      this.cells = [...message.cells];
    } else if (message.type === 'splice') {
      this.cells.splice(message.index, message.delete, ...message.insert);
    } else if (message.type === 'change') {
      const index = this.cells.findIndex(cell => cell.id === message.cell);
      const cell = this.cells[index];
      this.cells[index] = { ...cell, source: apply(cell.source, message) };
    }
    if ('rev' in message) {
      expect(message.rev).toBe(this.rev + 1);
      this.rev = message.rev;
    }
    return true;
  };
}

function setUp(...texts: string[]) {
  const cells = texts.map((text, index) => new FakeCell(`c${index}`, text));
  const source = {
    cells,
    language: 'python',
    path: 'a.ipynb',
    useKernel: true,
    notebook: { enabled: true, course: '' }
  };
  const server = new FakeServer();
  const mirror = new Mirror('d1', source, server.take);
  const isEqual = () =>
    expect(server.cells.map(({ id, source }) => [id, source])).toEqual(
      source.cells.map(({ id, text }) => [id, text])
    );
  return { source, server, mirror, isEqual };
}

describe('Mirror', () => {
  it('sends nothing before the document is wanted', () => {
    const { source, server, mirror } = setUp('a');
    source.cells[0].text = 'b';
    expect(mirror.syncCell('c0')).toBe(false);
    expect(mirror.syncCells()).toBe(false);
    expect(server.sent).toEqual([]);
  });

  it('says how cells ran, and of one that has run', () => {
    const { source, server, mirror } = setUp('a', 'b');
    source.cells[1].ran = 'error';
    mirror.executed('c0', true);
    expect(server.sent).toEqual([]);
    mirror.ensure();
    expect(server.cells.map(({ ran }) => ran)).toEqual(['', 'error']);
    mirror.executed('c1', true);
    mirror.executed('other', true);
    expect(server.sent.slice(1)).toEqual([
      { type: 'executed', doc: 'd1', cell: 'c1', ok: true }
    ]);
  });

  it('sends the whole once, then differences', () => {
    const { source, server, mirror, isEqual } = setUp('a', 'b');
    expect(mirror.ensure()).toBe(true);
    source.cells[1].text = 'b😀c';
    mirror.syncCell('c1');
    mirror.syncCell('c1');
    expect(mirror.ensure()).toBe(true);
    expect(server.sent.map(({ type }) => type)).toEqual(['open', 'change']);
    isEqual();
  });

  it('follows cells that come, go, move and change their kind', () => {
    const { source, mirror, isEqual } = setUp('a', 'b', 'c', 'd');
    mirror.open();
    const [a, b, c, d] = source.cells;
    const steps = [
      [a, new FakeCell('new', 'n'), b, c, d],
      [a, c, d],
      [d, a, c],
      [d, new FakeCell('c0', 'a'), c],
      [],
      [a, b]
    ];
    for (const cells of steps) {
      source.cells = cells;
      expect(mirror.syncCells()).toBe(true);
      isEqual();
    }
  });

  it('notices a text that changed together with the list', () => {
    const { source, mirror, isEqual } = setUp('a', 'b');
    mirror.open();
    source.cells[1].text = 'changed';
    source.cells = [source.cells[1]];
    mirror.syncCell('c1');
    mirror.syncCells();
    isEqual();
  });

  it('sends the whole again after a difference was lost', () => {
    const { source, server, mirror, isEqual } = setUp('a');
    mirror.open();
    server.reachable = false;
    source.cells[0].text = 'ab';
    expect(mirror.syncCell('c0')).toBe(false);
    expect(mirror.isOpen).toBe(false);
    server.reachable = true;
    server.rev = mirror.rev;
    expect(mirror.ensure()).toBe(true);
    isEqual();
  });

  it('sends the whole again in another language, and only then', () => {
    const { source, server, mirror } = setUp('a');
    mirror.syncHead();
    mirror.open();
    mirror.syncHead();
    source.language = 'r';
    mirror.syncHead();
    expect(server.sent.map(({ type }) => type)).toEqual(['open', 'open']);
  });

  it('sends the whole again before a request if its head changed', () => {
    const { source, server, mirror } = setUp('a');
    mirror.ensure();
    source.useKernel = false;
    mirror.ensure();
    mirror.ensure();
    source.path = 'b.ipynb';
    mirror.ensure();
    expect(server.sent).toMatchObject([
      { type: 'open', kernel: true, path: 'a.ipynb' },
      { type: 'open', kernel: false, path: 'a.ipynb' },
      { type: 'open', kernel: false, path: 'b.ipynb' }
    ]);
  });

  it('tells of one that is turned off, and no text of it', () => {
    const { source, server, mirror, isEqual } = setUp('a');
    mirror.ensure();
    source.notebook = { enabled: false, course: 'cs' };
    mirror.syncHead();
    source.cells[0].text = 'secret';
    mirror.syncCell('c0');
    mirror.syncCells();
    expect(mirror.ensure()).toBe(false);
    expect(server.sent).toHaveLength(2);
    expect(server.sent[1]).toMatchObject({
      cells: [],
      notebook: { enabled: false, course: 'cs' }
    });
    source.notebook = { enabled: true, course: '' };
    mirror.syncHead();
    isEqual();
  });

  it('says nothing of one that was off from the start', () => {
    const { source, server, mirror } = setUp('a');
    source.notebook = { enabled: false, course: '' };
    expect(mirror.ensure()).toBe(false);
    mirror.syncHead();
    mirror.close();
    expect(server.sent).toEqual([]);
  });

  it('closes once', () => {
    const { server, mirror } = setUp('a');
    mirror.close();
    mirror.open();
    mirror.close();
    mirror.close();
    expect(server.sent.map(({ type }) => type)).toEqual(['open', 'close']);
  });
});
