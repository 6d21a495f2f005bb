import { Signal } from '@lumino/signaling';
import { NO_RULES } from '../client/frames';
import { RequestLog } from '../client/log';
import type { IRules } from '../client/protocol';
import { Rules } from '../client/rules';
import type { Socket, SocketState } from '../client/socket';
import { Settings } from '../settings';
import { StatusModel } from './model';

class FakeSocket {
  state: SocketState = 'connecting';
  fault = '';
  rules: IRules = NO_RULES;
  readonly stateChanged = new Signal<this, SocketState>(this);
  readonly message = new Signal<this, object>(this);
  become(state: SocketState): void {
    this.state = state;
    this.stateChanged.emit(state);
  }
}

function setUp() {
  const socket = new FakeSocket();
  const log = new RequestLog(() => {});
  const rules = new Rules(socket as unknown as Socket, { __: text => text });
  const settings = new Settings();
  const status = new StatusModel(
    socket as unknown as Socket,
    log,
    rules,
    settings
  );
  const want = (enabled: boolean) => {
    jest
      .spyOn(settings, 'current', 'get')
      .mockReturnValue({ ...settings.current, enabled });
    status.touch();
  };
  const rule = (features: IRules['features']) => {
    socket.rules = { ...NO_RULES, features };
    socket.message.emit(socket.rules);
  };
  const say = (part: object) =>
    socket.message.emit({ type: 'status', ...part });
  return { socket, log, status, say, want, rule };
}

describe('StatusModel', () => {
  it('is the engine only while there is a connection', () => {
    const { socket, status, say } = setUp();
    expect(status.snapshot().state).toBe('connecting');
    socket.become('open');
    say({ state: 'ready', model: 'm' });
    expect(status.snapshot()).toMatchObject({ state: 'ready', model: 'm' });
    socket.become('lost');
    status.loss = 'The server does not answer.';
    expect(status.snapshot()).toMatchObject({
      state: 'disconnected',
      model: '',
      detail: 'The server does not answer.'
    });
    socket.become('open');
    expect(status.snapshot()).toMatchObject({
      state: 'connecting',
      detail: ''
    });
  });

  it('says what the server refused', () => {
    const { socket, status } = setUp();
    socket.fault = 'Reload the page.';
    socket.become('lost');
    expect(status.snapshot().detail).toBe('Reload the page.');
  });

  it('is disabled whatever the engine does', () => {
    const { socket, status, say, want } = setUp();
    socket.become('open');
    say({ state: 'ready' });
    want(false);
    expect(status.snapshot().state).toBe('disabled');
    want(true);
    expect(status.snapshot().state).toBe('ready');
  });

  it('is off, and says who says so, whatever the person wants', () => {
    const { socket, status, say, want, rule } = setUp();
    socket.become('open');
    say({ state: 'ready' });
    want(false);
    rule({ suggestions: { on: false, why: 'the administrator said so' } });
    expect(status.snapshot()).toMatchObject({
      state: 'off',
      detail: 'the administrator said so',
      rules: [{ feature: 'suggestions', on: false }]
    });
    rule({ suggestions: { on: true, why: 'the administrator said so' } });
    expect(status.snapshot().state).toBe('ready');
    status.own = { enabled: false, course: '' };
    expect(status.snapshot().state).toBe('off');
    expect(status.snapshot().detail).toContain('fastgen.enabled');
    status.own = { enabled: true, course: '' };
    rule({});
    expect(status.snapshot()).toMatchObject({ state: 'disabled', rules: [] });
  });

  it('is busy while a request is unanswered, if the engine can answer', () => {
    const { socket, log, status, say } = setUp();
    socket.become('open');
    say({ state: 'ready' });
    const note = log.start('auto');
    expect(status.snapshot().state).toBe('busy');
    say({ state: 'loading' });
    expect(status.snapshot().state).toBe('loading');
    say({ state: 'ready' });
    note({ result: 'stop' });
    expect(status.snapshot().state).toBe('ready');
  });

  it('knows the day’s tokens as long as the engine that told them is there', () => {
    const { socket, status, say } = setUp();
    socket.become('open');
    say({ state: 'ready' });
    const before = Date.now();
    const budget = { type: 'budget', used: 5, limit: 10, reset_s: 60 };
    socket.message.emit(budget);
    const { allowance } = status.snapshot();
    expect(allowance).toMatchObject({ used: 5, limit: 10 });
    expect(allowance!.reset - before).toBeGreaterThanOrEqual(60_000);
    say({ state: 'ready' });
    expect(status.snapshot().allowance).not.toBeNull();
    say({ state: 'loading' });
    expect(status.snapshot().allowance).toBeNull();
    socket.message.emit(budget);
    socket.become('lost');
    expect(status.snapshot().allowance).toBeNull();
  });

  it('knows the place in the queue until the request leaves it', () => {
    const { socket, status } = setUp();
    let changes = 0;
    socket.become('open');
    status.changed.connect(() => changes++);
    const progress = (id: number, place: number) =>
      socket.message.emit({ type: 'progress', id, place });
    progress(1, 3);
    progress(2, 1);
    expect(status.snapshot().place).toBe(3);
    socket.message.emit({ type: 'done', id: 1 });
    expect(status.snapshot().place).toBe(1);
    progress(2, 0);
    progress(2, 0);
    expect(status.snapshot().place).toBe(0);
    expect(changes).toBe(4);
  });

  it('tells of each change', () => {
    const { socket, status, say } = setUp();
    let changes = 0;
    status.changed.connect(() => changes++);
    socket.become('open');
    say({ state: 'loading', progress: 0.5 });
    status.own = { enabled: false, course: '' };
    expect(changes).toBe(3);
  });
});
