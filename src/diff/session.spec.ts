import { YFile } from '@jupyter/ydoc';
import { nullTranslator } from '@jupyterlab/translation';
import type { Edits, IEditListener } from '../client/edits';
import { ONLY_CELL } from '../client/documents';
import type { IHunk } from '../client/protocol';
import { hunksIn } from '../client/testing';
import { Review } from './review';
import type { IRequest } from './session';
import { Session } from './session';
import { FileTarget, ISharedText } from './target';

const TEXT = 'a\nb\nc\nd\n';

const REQUEST: IRequest = {
  scope: { kind: 'document', ids: [ONLY_CELL] },
  wish: { instruction: 'shorter', action: '', error: '' },
  title: 'shorter',
  rerun: []
};

/** A line that becomes another. */
function line(start: number, reasons: string[] = []): IHunk {
  return hunksIn(ONLY_CELL)({ start, end: start + 1, new: ['X'], reasons });
}

function setUp({ isReachable = true, whyOff = '' } = {}) {
  const file = new YFile();
  file.setSource(TEXT);
  const asked: { listener: IEditListener; isCancelled: boolean }[] = [];
  const done = (
    listener: IEditListener,
    reason: 'stop' | 'failed' | 'cancelled' | 'superseded',
    why = '',
    by = ''
  ) => listener.done({ type: 'done', id: 1, reason, why, counts: null, by });
  const edits = {
    start: (_scope: object, _wish: object, listener: IEditListener) => {
      const job = { listener, isCancelled: false };
      asked.push(job);
      return {
        cancel: () => {
          job.isCancelled = true;
          done(listener, 'cancelled');
        }
      };
    }
  } as unknown as Edits;
  const review = new Review(new FileTarget(file as unknown as ISharedText));
  const session = new Session(
    review,
    edits,
    () => (isReachable ? { doc: 'd1', rev: 1 } : null),
    () => whyOff,
    nullTranslator.load('')
  );
  const said: string[] = [];
  session.said.connect((_, sentence) => said.push(sentence));
  return { file, review, session, asked, done, said };
}

it('tells how far an edit is, and what came of it', () => {
  const { session, review, asked, done, said } = setUp();
  session.ask(REQUEST);
  const [{ listener }] = asked;
  const progress = {
    type: 'progress' as const,
    id: 1,
    fraction: null,
    lines: 0,
    cell: '',
    line: 0,
    place: 0
  };
  listener.progress({ ...progress, phase: 'loading', fraction: 0.456 });
  expect(session.status).toBe('Loading the model 45\u00a0%');
  expect(session.waitingIn(ONLY_CELL)).toEqual({ start: 0, end: 4 });
  listener.progress({ ...progress, phase: 'queued', place: 3 });
  expect(session.status).toBe('Place 3 in the queue');
  listener.progress({ ...progress, phase: 'queued', place: 1 });
  expect(session.status).toBe('Next in the queue');
  listener.progress({
    ...progress,
    phase: 'writing',
    lines: 12,
    cell: ONLY_CELL,
    line: 2
  });
  expect(session.status).toBe('Writing, 12 lines');
  expect(session.waitingIn(ONLY_CELL)).toEqual({ start: 2, end: 4 });
  listener.hunks([line(0), line(3, ['Odd.'])], true);
  done(listener, 'stop');
  expect(session.isRunning).toBe(false);
  expect(session.waitingIn(ONLY_CELL)).toBeNull();
  expect(review.current).toBe(review.pending[0]);
  expect(said).toEqual([
    'Asked: shorter',
    'Loading the model 45\u00a0%',
    'Place 3 in the queue',
    'Next in the queue',
    'Writing, 12 lines',
    '2 changes ready. 1 needs a look'
  ]);
});

it('skeletons move with the lines that they are for', () => {
  const { session, file } = setUp();
  session.ask({
    ...REQUEST,
    scope: { kind: 'lines', ids: [ONLY_CELL], start: 1, end: 3 }
  });
  file.updateSource(0, 0, 'new\n');
  expect(session.waitingIn(ONLY_CELL)).toEqual({ start: 2, end: 4 });
});

it('says who wrote it where others run the model', () => {
  const { session, asked, done, said } = setUp();
  session.ask(REQUEST);
  asked[0].listener.hunks([line(0)], true);
  done(asked[0].listener, 'stop', '', 'big at gpu:8000');
  expect(session.status).toBe('Written by big at gpu:8000');
  expect(said.pop()).toBe('1 change ready. Written by big at gpu:8000');
  session.ask(REQUEST);
  done(asked[1].listener, 'stop', '', 'big at gpu:8000');
  expect(session.status).toBe('Nothing to change was found.');
});

it('leaves nothing of an edit that failed half-way', () => {
  const { session, review, asked, done, file } = setUp();
  session.ask(REQUEST);
  asked[0].listener.hunks([line(0)], false);
  done(asked[0].listener, 'failed', 'The engine stopped.');
  expect(review.pending).toEqual([]);
  expect(session.status).toBe('The engine stopped.');
  expect(file.getSource()).toBe(TEXT);
});

it('ends the edit before when another is asked for', () => {
  const { session, asked, said } = setUp();
  session.ask(REQUEST);
  session.ask(REQUEST);
  expect(asked.map(({ isCancelled }) => isCancelled)).toEqual([true, false]);
  expect(session.isRunning).toBe(true);
  expect(session.status).toBe('Asking');
  expect(said).toEqual(['Asked: shorter', 'Cancelled.', 'Asked: shorter']);
});

it('puts what waits aside when the same text is edited again', () => {
  const { session, review, asked, done } = setUp();
  session.ask(REQUEST);
  asked[0].listener.hunks([line(0)], true);
  done(asked[0].listener, 'stop');
  session.ask(REQUEST);
  expect(review.pending).toEqual([]);
});

it('compares a text with a cell, which ends the edit that runs', () => {
  const { session, review, asked, file, said } = setUp();
  session.ask(REQUEST);
  session.compare(ONLY_CELL, 'a\nB\nc\nd\ne');
  expect(asked[0].isCancelled).toBe(true);
  expect(said.pop()).toBe('2 changes ready');
  expect(file.getSource()).toBe(TEXT);
  review.accept([review.pending[1]]);
  expect(file.getSource()).toBe('a\nb\nc\nd\ne\n');
  review.accept(review.pending);
  expect(file.getSource()).toBe('a\nB\nc\nd\ne\n');
  session.compare(ONLY_CELL, file.getSource());
  expect(session.status).toBe('Nothing to change was found.');
});

it('says so when the server cannot be told', () => {
  const { session, asked } = setUp({ isReachable: false });
  session.ask(REQUEST);
  expect(asked).toEqual([]);
  expect(session.status).toMatch(/cannot be reached/);
});

it('says why the server gave an edit up', () => {
  const { session, asked, done } = setUp();
  session.ask(REQUEST);
  done(asked[0].listener, 'superseded', 'another view asked for an edit.');
  expect(session.status).toBe('Another view asked for an edit.');
});

it('asks for nothing where edits are off, and says who says so', () => {
  const made = setUp({ whyOff: 'the administrator turned it off' });
  const { session, asked, said } = made;
  const scope = { kind: 'cell' as const, ids: ['text'] };
  session.prepare(scope);
  session.ask({
    scope,
    wish: { instruction: 'faster', action: '', error: '' },
    title: 'faster',
    rerun: []
  });
  expect(asked).toEqual([]);
  expect(said).toEqual(['No edit: the administrator turned it off.']);
  expect(session.status).toBe('No edit: the administrator turned it off.');
});
