import { expect, Page, WebSocketRoute } from '@playwright/test';

import type { Message } from './wire';

/** A hunk of the protocol; what is left out has its default. */
export interface WireHunk {
  cell: string;
  start?: number;
  end?: number;
  new?: string[];
  kind?: string;
  type?: string;
  after?: string;
  label?: string;
  reasons?: string[];
}

/** What the server that a test plays can be asked for besides. */
const ACTIONS = [
  { name: 'docstring', title: 'Add a Docstring', caption: 'Say what it does' },
  {
    name: 'fix',
    title: 'Fix This Error',
    caption: 'Mend what made the cell fail',
    needs: 'error'
  }
];

/** A server that says what a test tells it to say, when it tells it. */
export class ScriptedServer {
  readonly received: Message[] = [];

  /** Put one in the place of the real server; to be called before the page is opened. */
  static async replace(page: Page): Promise<ScriptedServer> {
    const server = new ScriptedServer();
    await page.routeWebSocket(/\/jupyter-fastgen\/ws/, socket => {
      server._socket = socket;
      socket.onMessage(frame => server._take(JSON.parse(frame.toString())));
    });
    return server;
  }

  /** Forget what was said so far. */
  clear(): void {
    this.received.length = 0;
    this._jobs.length = 0;
  }

  /** What the page asked for, in order. */
  get requests(): Message[] {
    return this.received.filter(({ type }) => type === 'complete');
  }

  /** Wait until the page asks for text at this offset, and give that job. */
  async jobAt(offset: number): Promise<ScriptedJob> {
    const find = () =>
      this._jobs
        .filter(job => job.type === 'complete' && job.offset === offset)
        .pop();
    await expect
      .poll(() => !!find(), { message: `a request at ${offset}` })
      .toBe(true);
    return find()!;
  }

  /** Wait until the page asks for what follows this text, and give that job. */
  async jobAfter(text: string): Promise<ScriptedJob> {
    return this._jobFor('ahead', text);
  }

  /** Wait until the page asks for alternatives to this text, and give that job. */
  async searchFor(text: string): Promise<ScriptedJob> {
    return this._jobFor('alternatives', text);
  }

  private async _jobFor(type: string, text: string): Promise<ScriptedJob> {
    const find = () =>
      this._jobs.filter(job => job.type === type && job.text === text).pop();
    await expect
      .poll(() => !!find(), { message: `a request: ${type} ${text}` })
      .toBe(true);
    return find()!;
  }

  /** Wait until the page asks for an edit that has not been answered, and give that job. */
  async edit(): Promise<ScriptedJob> {
    const find = () =>
      this._jobs.filter(job => job.type === 'edit' && !job.isEnded).pop();
    await expect
      .poll(() => !!find(), { message: 'a request for an edit' })
      .toBe(true);
    return find()!;
  }

  /** Wait until the page asks for the code of the next cell, and give that job. */
  async jobOfNextCell(): Promise<ScriptedJob> {
    const find = () => this._jobs.filter(job => job.type === 'next').pop();
    await expect
      .poll(() => !!find(), { message: 'a request for the next cell' })
      .toBe(true);
    return find()!;
  }

  /** Break the connection; the page may come back. */
  async drop(): Promise<void> {
    await this._socket!.close({ code: 1011 });
  }

  /** Send one message. */
  say(message: object): void {
    this._socket!.send(JSON.stringify(message));
  }

  private _take(message: Message): void {
    this.received.push(message);
    const running = this._jobs.filter(job => !job.isEnded);
    if (message.type === 'hello') {
      const version = 'script';
      this.say({ type: 'welcome', protocol: 1, version, actions: ACTIONS });
      const [model, engine] = ['script', 'script'];
      this.say({ type: 'status', state: 'ready', model, engine });
    } else if (['complete', 'edit'].includes(message.type)) {
      running
        .filter(job => job.doc === message.doc && job.type === message.type)
        .forEach(job => job.done('superseded'));
      this._jobs.push(new ScriptedJob(this, message));
    } else if (['ahead', 'next', 'alternatives'].includes(message.type)) {
      this._jobs.push(new ScriptedJob(this, message));
    } else if (message.type === 'cancel') {
      running.find(job => job.id === message.id)?.done('cancelled');
    }
  }

  private _socket: WebSocketRoute | null = null;
  private readonly _jobs: ScriptedJob[] = [];
}

/** One request of the page, to be answered by the test. */
export class ScriptedJob {
  readonly type: string;
  readonly id: number;
  readonly doc: string;
  readonly offset: number;
  /** The text whose continuation or alternatives are asked for. */
  readonly text: string;
  /** All that was said of it. */
  readonly message: Message;
  isEnded = false;

  constructor(
    private readonly server: ScriptedServer,
    message: Message
  ) {
    const { type, id, doc, offset, text } = message;
    this.message = message;
    this.type = type;
    this.id = id!;
    this.doc = doc!;
    this.offset = offset!;
    this.text = text ?? '';
  }

  /** Send more text, even if the job is over: a late frame may cross a cancel. */
  chunk(text: string, block = false): void {
    this.server.say({ type: 'chunk', id: this.id, text, block });
  }

  /** Send another whole text. */
  alternative(text: string): void {
    this.server.say({ type: 'alternative', id: this.id, text });
  }

  /** Say how far an edit is. */
  progress(progress: object): void {
    this.server.say({ type: 'progress', id: this.id, ...progress });
  }

  /** Send hunks that are settled. */
  hunks(...hunks: WireHunk[]): void {
    this.server.say({ type: 'hunks', id: this.id, hunks });
  }

  /** Send all hunks of an edit, and end it. */
  answer(...hunks: WireHunk[]): void {
    this.server.say({ type: 'hunks', id: this.id, hunks, final: true });
    this.done();
  }

  /** End the job. */
  done(reason = 'stop', why = ''): void {
    this.isEnded = true;
    this.server.say({ type: 'done', id: this.id, reason, why });
  }
}
