import { expect, Page } from '@playwright/test';

/** One message of the protocol, as far as tests look at it. */
export interface Message {
  type: string;
  id?: number;
  doc?: string;
  offset?: number;
  text?: string;
  reason?: string;
  state?: string;
  trigger?: string;
  cells?: string[];
  start?: number;
  end?: number;
  instruction?: string;
  action?: string;
  error?: string;
  outcomes?: { id: number; kept: number }[];
}

/** A message and the size of its frame. */
export interface Frame {
  message: Message;
  bytes: number;
}

/** Listens to what a page and the real server say to each other. */
export class Wire {
  readonly sent: Frame[] = [];
  readonly received: Frame[] = [];

  /** Listen; to be called before the page is opened. */
  constructor(page: Page) {
    page.on('websocket', socket => {
      if (socket.url().includes('/jupyter-fastgen/ws')) {
        socket.on('framesent', ({ payload }) => note(this.sent, payload));
        socket.on('framereceived', ({ payload }) =>
          note(this.received, payload)
        );
      }
    });
  }

  /** Forget what was said so far. */
  clear(): void {
    this.sent.length = 0;
    this.received.length = 0;
  }

  /** What the page said of one type. */
  asked(type: string): Message[] {
    return ofType(this.sent, type);
  }

  /** What the server said of one type. */
  answered(type: string): Message[] {
    return ofType(this.received, type);
  }

  /** Wait until the page has asked, and its latest request has been answered. */
  async settled(timeout = 60_000): Promise<void> {
    await expect
      .poll(
        () => {
          const last = this.asked('complete').pop();
          return (
            !!last && this.answered('done').some(done => done.id === last.id)
          );
        },
        { message: 'the latest request is answered', timeout }
      )
      .toBe(true);
  }
}

function note(frames: Frame[], payload: string | Buffer): void {
  const text = payload.toString();
  frames.push({ message: JSON.parse(text), bytes: Buffer.byteLength(text) });
}

function ofType(frames: Frame[], type: string): Message[] {
  return frames.map(({ message }) => message).filter(m => m.type === type);
}
