import { Signal } from '@lumino/signaling';
import { RequestLog } from '../client/log';
import type { Socket, SocketState } from '../client/socket';
import { StatusModel } from './model';

class FakeSocket {
  state: SocketState = 'connecting';
  fault = '';
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
  const status = new StatusModel(socket as unknown as Socket, log);
  const say = (part: object) =>
    socket.message.emit({ type: 'status', ...part });
  return { socket, log, status, say };
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
    const { socket, status, say } = setUp();
    socket.become('open');
    say({ state: 'ready' });
    status.enabled = false;
    expect(status.snapshot().state).toBe('disabled');
    status.enabled = true;
    expect(status.snapshot().state).toBe('ready');
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

  it('tells of each change', () => {
    const { socket, status, say } = setUp();
    let changes = 0;
    status.changed.connect(() => changes++);
    socket.become('open');
    say({ state: 'loading', progress: 0.5 });
    status.enabled = false;
    expect(changes).toBe(3);
  });
});
