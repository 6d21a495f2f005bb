import { Jobs } from './jobs';
import { RequestLog } from './log';
import type { FromServer } from './protocol';
import { Socket } from './socket';

/** A websocket whose other end is the test. */
class FakeWebSocket {
  static all: FakeWebSocket[] = [];
  static get last() {
    return FakeWebSocket.all[FakeWebSocket.all.length - 1];
  }
  constructor(readonly url: string) {
    FakeWebSocket.all.push(this);
  }
  readyState = 0;
  sent: { type: string; [field: string]: unknown }[] = [];
  onopen = () => {};
  onmessage = (_: { data: string }) => {};
  onclose = () => {};
  send(frame: string) {
    this.sent.push(JSON.parse(frame));
  }
  close() {
    this.readyState = 3;
    this.onclose();
  }
  open() {
    this.readyState = 1;
    this.onopen();
  }
  say(message: object) {
    this.onmessage({ data: JSON.stringify(message) });
  }
  welcome() {
    this.open();
    this.say({ type: 'welcome', protocol: 1, version: '0.1.0' });
  }
}

function setUp() {
  const states: string[] = [];
  const heard: FromServer[] = [];
  const socket = new Socket({
    url: () => 'ws://server/jupyter-fastgen/ws',
    xsrf: () => 'proof',
    WebSocket: FakeWebSocket as never
  });
  socket.stateChanged.connect((_, state) => states.push(state));
  socket.message.connect((_, message) => heard.push(message));
  socket.connect();
  return { socket, states, heard };
}

beforeEach(() => {
  jest.useFakeTimers();
  FakeWebSocket.all = [];
});

afterEach(() => jest.useRealTimers());

describe('Socket', () => {
  it('knows what the server offers', () => {
    const { socket } = setUp();
    FakeWebSocket.last.open();
    const action = { name: 'types', title: 'Add Types', caption: 'Annotate' };
    FakeWebSocket.last.say({
      type: 'welcome',
      protocol: 1,
      version: '0.1.0',
      actions: [action]
    });
    expect(socket.actions).toEqual([{ ...action, needs: '' }]);
  });

  it('greets first, and is open once it is welcomed', () => {
    const { socket, states } = setUp();
    expect(socket.send({ type: 'cancel', id: 1 })).toBe(false);
    FakeWebSocket.last.open();
    expect(FakeWebSocket.last.sent).toEqual([
      { type: 'hello', protocol: 1, xsrf: 'proof' }
    ]);
    expect(socket.state).toBe('connecting');
    FakeWebSocket.last.say({ type: 'welcome', protocol: 1, version: '1' });
    expect(states).toEqual(['connecting', 'open']);
    expect(socket.send({ type: 'cancel', id: 1 })).toBe(true);
  });

  it('reconnects with growing pauses, and stays "lost" meanwhile', () => {
    const { socket, states } = setUp();
    FakeWebSocket.last.welcome();
    for (const [index, pause] of [500, 1000, 2000].entries()) {
      FakeWebSocket.last.close();
      expect(socket.state).toBe('lost');
      jest.advanceTimersByTime(pause * 0.7);
      expect(FakeWebSocket.all).toHaveLength(index + 1);
      jest.advanceTimersByTime(pause * 0.6);
      expect(FakeWebSocket.all).toHaveLength(index + 2);
    }
    FakeWebSocket.last.welcome();
    expect(states).toEqual(['connecting', 'open', 'lost', 'open']);
    FakeWebSocket.last.close();
    jest.advanceTimersByTime(700);
    expect(FakeWebSocket.all).toHaveLength(5);
  });

  it('connects at once when told to, and only once', () => {
    const { socket } = setUp();
    FakeWebSocket.last.close();
    socket.connect();
    socket.connect();
    jest.advanceTimersByTime(60_000);
    expect(FakeWebSocket.all).toHaveLength(2);
  });

  it('remembers what was refused until it is welcomed', () => {
    const { socket } = setUp();
    FakeWebSocket.last.open();
    FakeWebSocket.last.say({ type: 'fault', message: 'no', fatal: true });
    FakeWebSocket.last.close();
    expect(socket.fault).toBe('no');
    jest.advanceTimersByTime(700);
    FakeWebSocket.last.welcome();
    expect(socket.fault).toBe('');
  });

  it('hands on messages, and ignores what it does not know', () => {
    const { heard } = setUp();
    FakeWebSocket.last.welcome();
    FakeWebSocket.last.say({ type: 'from the future' });
    FakeWebSocket.last.say({ type: 'hint', debounce_ms: 30 });
    expect(heard.map(({ type }) => type)).toEqual(['welcome', 'hint']);
  });

  it('does not send on a socket that is closing', () => {
    const { socket } = setUp();
    FakeWebSocket.last.welcome();
    FakeWebSocket.last.readyState = 2;
    expect(socket.send({ type: 'cancel', id: 1 })).toBe(false);
  });

  it('stops for good when disposed', () => {
    const { socket } = setUp();
    FakeWebSocket.last.welcome();
    socket.dispose();
    socket.connect();
    jest.advanceTimersByTime(60_000);
    expect(FakeWebSocket.all).toHaveLength(1);
  });
});

describe('Jobs', () => {
  function start() {
    const { socket } = setUp();
    const log = new RequestLog(() => {});
    const jobs = new Jobs(socket, log);
    const events: string[] = [];
    const ask = () =>
      jobs.start({ doc: 'd1', rev: 1, cell: 'c', offset: 0 }, 'auto', {
        text: addition => events.push(addition),
        done: ({ reason }) => events.push(reason)
      });
    const said = () => FakeWebSocket.last.sent.slice(1).map(m => m.type);
    return { jobs, log, events, ask, said };
  }

  it('give each request its own answer, cleaned', () => {
    const { log, events, ask, jobs } = start();
    FakeWebSocket.last.welcome();
    ask();
    FakeWebSocket.last.say({ type: 'chunk', id: 1, text: 'a\u202eb' });
    FakeWebSocket.last.say({ type: 'chunk', id: 9, text: 'other' });
    FakeWebSocket.last.say({ type: 'chunk', id: 1, text: '\u202e' });
    expect(jobs.isBusy).toBe(true);
    FakeWebSocket.last.say({ type: 'done', id: 1, reason: 'stop' });
    FakeWebSocket.last.say({ type: 'chunk', id: 1, text: 'late' });
    expect(events).toEqual(['ab', 'stop']);
    expect(jobs.isBusy).toBe(false);
    expect(log.records[0]).toMatchObject({ result: 'stop' });
    expect(log.lastFirstMs).not.toBeNull();
  });

  it('say cancel once, and nothing when superseded', () => {
    const { events, ask, said } = start();
    FakeWebSocket.last.welcome();
    const job = ask();
    job.cancel();
    job.cancel();
    ask().supersede();
    expect(events).toEqual(['cancelled', 'superseded']);
    expect(said()).toEqual(['complete', 'cancel', 'complete']);
  });

  it('fail without a connection, and when it breaks', () => {
    const { events, ask, log } = start();
    ask();
    FakeWebSocket.last.welcome();
    ask();
    FakeWebSocket.last.close();
    expect(events).toEqual(['failed', 'failed']);
    expect(log.records.map(({ why }) => why)).toEqual([
      'The connection to the server was lost.',
      'There is no connection to the server.'
    ]);
  });
});
