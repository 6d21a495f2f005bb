import { notebook, viewed } from './testing';

const DONE = { phase: 'done', prompt: 'sort it' } as const;

it('says what it is doing, shows how far, and makes room for the text', () => {
  const { answer, find, said } = viewed(
    { prompt: 'sort it' },
    '',
    document.body
  );
  const bar = find('[role="progressbar"]');
  expect(find('.jp-fastgen-Answer-prompt').textContent).toBe('sort it');
  expect(find('.jp-fastgen-Answer-status').textContent).toBe('Waiting');
  expect(bar.hasAttribute('aria-valuenow')).toBe(false);
  answer.update({ phase: 'loading', progress: 0.25 });
  answer.update({ progress: 0.42 });
  expect(bar.getAttribute('aria-valuenow')).toBe('42');
  expect(find('.jp-fastgen-Answer-skeleton').hidden).toBe(false);
  answer.update({ phase: 'writing', progress: null });
  answer.receive({ t: 'a = 1' });
  expect(bar.hidden).toBe(true);
  expect(find('.jp-fastgen-Answer-skeleton').hidden).toBe(true);
  expect(find('.cm-content').textContent).toBe('a = 1');
  answer.update({ tokens: 4, rate: 12.34, by: 'big at gpu:8000' });
  answer.update({ image: 'plot.png (3 kB)' });
  answer.update({ phase: 'done' });
  expect(find('.jp-fastgen-Answer-status').textContent).toBe(
    'Picture: plot.png (3 kB) · Done · big at gpu:8000 · 4 tokens, 12 a second'
  );
  expect(said).toEqual([
    'Loading the model 25\u00a0%',
    'Writing',
    'Done, 1 line'
  ]);
});

it('shows of a long description its beginning, in one line', () => {
  const prompt = 'sort\n  the rides '.repeat(100_000);
  const { find, button, view } = viewed(
    { phase: 'done', prompt },
    '',
    document.body
  );
  const shown = find('.jp-fastgen-Answer-prompt').textContent!;
  expect(shown).toMatch(/^sort the rides sort.*…$/);
  expect(shown.length).toBeLessThan(300);
  expect(view.node.getAttribute('aria-label')).toBe(`Answer to: ${shown}`);
  button('retry').click();
  const field = document.activeElement as HTMLTextAreaElement;
  expect(field.value).toBe(prompt);
  expect(field.rows).toBeLessThan(20);
});

it('says why it failed, and can be retried with other words', () => {
  const { answer, find, button, told, offered } = viewed(
    { phase: 'writing', prompt: 'sort it' },
    '',
    document.body
  );
  answer.update({ phase: 'failed', why: 'the server is gone.' });
  expect(find('.jp-fastgen-Answer-why').textContent).toBe(
    'The server is gone.'
  );
  expect(offered()).toEqual(['retry']);
  button('retry').focus();
  button('retry').click();
  const field = document.activeElement as HTMLTextAreaElement;
  expect(field.value).toBe('sort it');
  press('Escape');
  expect(document.activeElement).toBe(button('retry'));
  button('retry').click();
  field.value = 'sort it by name';
  press('Enter', { shiftKey: true });
  expect(told).toEqual([]);
  press('Enter');
  expect(told).toEqual([{ do: 'retry', prompt: 'sort it by name' }]);
});

it('can be stopped while it runs, and hands the focus on', async () => {
  const { panel, actions } = await notebook('%%fastgen\nsort it');
  const host = panel.content.widgets[0].node;
  const { answer, button, told, offered } = viewed(
    { ...DONE, phase: 'writing' },
    'a = 1',
    host,
    actions
  );
  expect(offered()).toEqual(['stop']);
  button('stop').focus();
  button('stop').click();
  expect(told).toEqual([{ do: 'stop' }]);
  expect(button('stop').textContent).toBe('Stopping…');
  answer.update({ phase: 'stopped' });
  expect(offered()).toEqual(['insert', 'replace', 'run', 'retry', 'copy']);
  expect(document.activeElement).toBe(button('insert'));
  // It can be stopped again.
  answer.update({ phase: 'writing' });
  expect(button('stop').textContent).toBe('Stop');
});

it('offers what can be done where it is shown', async () => {
  const { panel, actions } = await notebook('%%fastgen\nsort it', 'a = 2');
  const host = panel.content.widgets[0].node;
  const { answer, offered } = viewed(DONE, 'a = 1', host, actions);
  const page = ['insert', 'replace', 'run', 'diff'];
  expect(offered()).toEqual([...page, 'retry', 'copy']);
  // Without the kernel all that is done in the page is left.
  answer.disconnect();
  expect(offered()).toEqual([...page, 'copy']);
  expect(viewed(DONE, 'a = 1', document.body, actions).offered()).toEqual([
    'retry',
    'copy'
  ]);
});

it('hands an edit of a cell to the review, once by itself and then by a button', async () => {
  const { panel, actions, asked } = await notebook('%%fastgen', 'a = 2');
  const wish = { instruction: 'quickly', action: 'fix', error: 'E' };
  const { answer, button, find, offered } = viewed(
    { phase: 'queued', target: 'c1', prompt: 'fix it quickly', wish },
    '',
    panel.content.widgets[0].node,
    actions
  );
  expect(asked).toEqual([]);
  answer.update({ phase: 'done' });
  expect(asked).toEqual([['edit', 'c1', wish, 'fix it quickly']]);
  expect(find('.jp-fastgen-Answer-status').textContent).toBe(
    'Its changes are shown in the cell'
  );
  expect(offered()).toEqual(['edit']);
  button('edit').click();
  expect(asked).toHaveLength(2);
});

it('lists the changes of a file, and applies those that are taken', () => {
  const hunk = {
    cell: '',
    start: 3,
    end: 4,
    old: ['a = 1'],
    new: ['a = 2', 'b = 3'],
    kind: 'lines',
    type: 'code',
    after: '',
    label: 'def load',
    reasons: []
  } as const;
  const doubtful = { ...hunk, label: '', reasons: ['Nobody asked for it.'] };
  const { answer, view, find, told, button } = viewed(
    {
      ...DONE,
      path: 'rides.py',
      hunks: [hunk, doubtful, { ...hunk, start: 8, end: 9 }]
    },
    '',
    document.body
  );
  const boxes = [...view.node.querySelectorAll('input')];
  expect(boxes.map(({ checked }) => checked)).toEqual([true, false, true]);
  expect(find('.jp-fastgen-FileHunk').textContent).toBe(
    'def load, line 4a = 1a = 2b = 3'
  );
  expect(find('.jp-fastgen-mod-doubtful').textContent).toMatch(
    'Nobody asked for it.'
  );
  expect(button('apply').textContent).toBe('Apply 2 Changes');
  boxes[0].click();
  expect(button('apply').textContent).toBe('Apply 1 Change');
  button('apply').click();
  expect(told).toEqual([{ do: 'apply', take: [2] }]);
  expect(button('apply').disabled).toBe(true);
  // What the person has chosen stays chosen whatever else the kernel says.
  answer.update({ why: 'Written.' });
  expect(boxes.map(({ checked }) => checked)).toEqual([false, false, true]);
});

it('shows a text that begins anew', () => {
  const { answer, find } = viewed(DONE, 'a = 1', document.body);
  answer.update({ phase: 'queued' });
  answer.receive({ clear: true });
  expect(find('.jp-fastgen-Answer-skeleton').hidden).toBe(false);
  answer.receive({ t: 'b = 2' });
  expect(find('.cm-content').textContent).toBe('b = 2');
});

function press(key: string, options: KeyboardEventInit = {}): void {
  document.activeElement!.dispatchEvent(
    new KeyboardEvent('keydown', { key, bubbles: true, ...options })
  );
}
