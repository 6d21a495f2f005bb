import type { Kernel } from '@jupyterlab/services';
import { Signal } from '@lumino/signaling';
import { Answers } from './answer';
import { widgetClasses } from './model';

type OnMessage = (message: object) => Promise<void>;

/** A model as the widget manager makes it, and the comm of its kernel. */
function setUp(state: object, restoredStatus = true) {
  const sent: object[] = [];
  let onMessage: OnMessage | undefined;
  const comm = {
    comm_id: 'm1',
    on_close: () => {},
    on_msg: (take: OnMessage) => (onMessage = take),
    send: (data: object) => sent.push(data)
  };
  const kernel = {
    disposed: new Signal<object, void>({}),
    statusChanged: new Signal<object, Kernel.Status>({})
  };
  const answers = new Answers();
  const classes = widgetClasses(answers, () => {
    throw new Error('Nothing is shown');
  });
  const Model = classes.FastgenAnswerModel as new (...made: object[]) => object;
  new Model(state, {
    model_id: 'm1',
    comm,
    widget_manager: { kernel, restoredStatus, callbacks: () => ({}) }
  });
  const answer = answers.find('m1')!;
  /** The kernel says something. */
  const hear = (data: object) => onMessage!({ content: { data } });
  return { answer, answers, kernel, sent, hear };
}

it('is an answer that follows the kernel, and tells it what the person wants', async () => {
  const { answer, sent, hear } = setUp({ phase: 'queued', prompt: 'sort' });
  await hear({ method: 'custom', content: { t: 'a = 1' } });
  await hear({ method: 'update', state: { phase: 'writing', tokens: 3 } });
  expect(answer.text).toBe('a = 1');
  expect(answer.traits).toMatchObject({
    phase: 'writing',
    prompt: 'sort',
    tokens: 3,
    target: ''
  });
  answer.tell({ do: 'stop' });
  expect(sent).toEqual([{ method: 'custom', content: { do: 'stop' } }]);
});

it('asks for what it has missed while the page was loaded', async () => {
  const { answer, sent, hear } = setUp({ phase: 'writing', text: 'a' }, false);
  expect(answer.text).toBe('a');
  expect(sent).toEqual([{ method: 'request_state' }]);
  await hear({ method: 'update', state: { phase: 'writing', text: 'a = 1' } });
  await hear({ method: 'custom', content: { t: '\n' } });
  expect(answer.text).toBe('a = 1\n');
  expect(setUp({ phase: 'done', text: 'a' }, false).sent).toEqual([]);
  expect(setUp({ phase: 'queued', text: '' }).sent).toEqual([]);
});

it('is cut off when the kernel goes, in whatever way', () => {
  const restarted = setUp({ phase: 'writing', text: 'a' });
  restarted.kernel.statusChanged.emit('busy');
  expect(restarted.answer.isCutOff).toBe(false);
  restarted.kernel.statusChanged.emit('autorestarting');
  expect(restarted.answer.isCutOff).toBe(true);
  const closed = setUp({ phase: 'writing', text: 'a' });
  closed.kernel.disposed.emit();
  expect(closed.answer.isCutOff).toBe(true);
});
