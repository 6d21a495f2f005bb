import { MimeModel } from '@jupyterlab/rendermime';
import { Widget } from '@lumino/widgets';
import { Answer, Answers } from './answer';
import { AnswerRenderer, MIME_TYPE } from './renderer';
import type { AnswerView } from './view';

/** A renderer on the page, and the answers that it shows, of which the last stays. */
async function setUp() {
  const answers = new Answers();
  const renderer = new AnswerRenderer(answers, async answer => {
    const node = document.createElement('div');
    const { why } = answer.traits;
    node.textContent = why ? `(${why})` : answer.text;
    const dispose = () => node.remove();
    return { node, dispose, refresh: () => {} } as unknown as AnswerView;
  });
  Widget.attach(renderer, document.body);
  const render = async (text: string | string[], markdown = '') => {
    const data = {
      [MIME_TYPE]: { model: 'm1' },
      'text/markdown': markdown,
      'text/plain': text
    };
    const output = new MimeModel({ data });
    await renderer.renderModel(output);
    return output;
  };
  /** What a person sees, once it is drawn. */
  const shown = async () => {
    await new Promise(resolve => setTimeout(resolve));
    return renderer.node.textContent;
  };
  return { answers, renderer, render, shown };
}

it('shows the text that is saved, and what becomes of it', async () => {
  const { render, shown } = await setUp();
  await render(['a = 1\n', 'b = 2']);
  expect(await shown()).toBe('a = 1\nb = 2');
  await render('c = 3');
  expect(await shown()).toBe('c = 3');
});

it('tells a sentence from code', async () => {
  const { render, shown } = await setUp();
  await render('The server is gone.', 'The server is gone.');
  expect(await shown()).toBe('(The server is gone.)');
});

it('shows the live answer instead, also one that comes later', async () => {
  const { answers, render, shown } = await setUp();
  await render('saved');
  answers.add('m2', new Answer({}, 'other'));
  expect(await shown()).toBe('saved');
  answers.add('m1', new Answer({}, 'live'));
  expect(await shown()).toBe('live');
  await render('saved again');
  expect(await shown()).toBe('live');
});

it('keeps in the notebook what was written, once it has ended', async () => {
  const { answers, render } = await setUp();
  const output = await render('sort it', 'sort it');
  const answer = new Answer({ phase: 'writing' }, 'a = ', () => {});
  answers.add('m1', answer);
  answer.receive({ t: '1' });
  answer.update({ tokens: 3 });
  expect(output.data['text/plain']).toBe('sort it');
  answer.update({ phase: 'done' });
  expect(output.data['text/plain']).toBe('a = 1');
  expect(output.data).not.toHaveProperty('text/markdown');
  expect(output.data).toHaveProperty([MIME_TYPE]);
});

it('keeps what a kernel had written that is gone, and what had ended before', async () => {
  const { answers, render, shown } = await setUp();
  const cut = new Answer({ phase: 'writing' }, 'a = ', () => {});
  answers.add('m1', cut);
  const output = await render('sort it', 'sort it');
  expect(output.data['text/plain']).toBe('sort it');
  cut.disconnect();
  expect(output.data['text/plain']).toBe('a = ');
  answers.add('m1', new Answer({ phase: 'done' }, 'b = 2', () => {}));
  expect(await shown()).toBe('b = 2');
  expect(output.data['text/plain']).toBe('b = 2');
});

it('does not show an answer that comes when it is gone', async () => {
  const { answers, renderer, render } = await setUp();
  await render('saved');
  renderer.dispose();
  answers.add('m1', new Answer({}, 'live'));
  expect(renderer.node.textContent).toBe('');
});
