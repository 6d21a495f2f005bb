import { Signal } from '@lumino/signaling';
import { Edits, IEditListener } from './edits';
import type { FromBrowser, FromServer } from './protocol';
import type { Socket } from './socket';

const SCOPE = { doc: 'd1', rev: 3, cells: ['a'] };
const WISH = { instruction: 'shorter', action: '', error: '' };

function setUp({ isConnected = true } = {}) {
  let lastId = 0;
  const sent: FromBrowser[] = [];
  const socket = {
    nextId: () => ++lastId,
    send: (message: FromBrowser) => {
      sent.push(message);
      return isConnected;
    }
  } as unknown as Socket;
  const message = new Signal<Socket, FromServer>(socket);
  const stateChanged = new Signal<Socket, Socket['state']>(socket);
  Object.assign(socket, { message, stateChanged });
  const edits = new Edits(socket);
  const heard: unknown[] = [];
  const listener: IEditListener = {
    progress: ({ phase }) => heard.push(phase),
    hunks: (hunks, isFinal) =>
      heard.push([hunks.map(({ new: lines }) => lines), isFinal]),
    done: ({ reason, why }) => heard.push([reason, why])
  };
  return { edits, sent, heard, listener, message, stateChanged };
}

function hunks(id: number, lines: string[], final = false): FromServer {
  const hunk = {
    cell: 'a',
    start: 0,
    end: 1,
    new: lines,
    kind: 'lines' as const,
    type: 'code' as const,
    after: '',
    label: '',
    reasons: []
  };
  return { type: 'hunks', id, hunks: [hunk], final };
}

describe('Edits', () => {
  it('hands on what is said of an edit until its end', () => {
    const { edits, sent, heard, listener, message } = setUp();
    edits.start(SCOPE, WISH, listener);
    expect(sent).toEqual([{ type: 'edit', id: 1, ...SCOPE, ...WISH }]);
    message.emit({
      type: 'progress',
      id: 1,
      phase: 'writing',
      fraction: null,
      lines: 2,
      cell: 'a',
      line: 1,
      place: 0
    });
    message.emit(hunks(2, ['of another']));
    message.emit(hunks(1, ['ab'], true));
    const done = { type: 'done', id: 1, reason: 'stop', why: '' } as const;
    message.emit({ ...done, counts: null, by: '' });
    message.emit(hunks(1, ['late']));
    expect(heard).toEqual(['writing', [[['ab']], true], ['stop', '']]);
  });

  it('cancels once', () => {
    const { edits, sent, heard, listener } = setUp();
    const job = edits.start(SCOPE, WISH, listener);
    job.cancel();
    job.cancel();
    expect(sent.slice(1)).toEqual([{ type: 'cancel', id: 1 }]);
    expect(heard).toEqual([['cancelled', '']]);
  });

  it('says why an edit fails without a connection, or when it is lost', () => {
    const without = setUp({ isConnected: false });
    without.edits.start(SCOPE, WISH, without.listener);
    expect(without.heard).toEqual([
      ['failed', 'There is no connection to the server.']
    ]);
    const lost = setUp();
    lost.edits.start(SCOPE, WISH, lost.listener);
    lost.stateChanged.emit('lost');
    expect(lost.heard).toEqual([
      ['failed', 'The connection to the server was lost.']
    ]);
  });
});
