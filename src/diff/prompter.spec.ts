import { answer, ask, drawn, end, key, setUp, TWO_LINES } from './testing';

describe('the prompt box', () => {
  it('has the focus, keeps it at each key, and gives it back', async () => {
    const { desk, find, view, prepared } = await setUp(TWO_LINES);
    view(0).focus();
    await desk.prompt();
    const input = find('.jp-fastgen-Prompt-input')[0];
    expect(document.activeElement).toBe(input);
    expect(prepared).toEqual([{ doc: 'd1', rev: 1, cells: ['c0'] }]);
    for (const name of ['x', 'Shift', 'Control', 'ArrowUp', 'Tab']) {
      key(name);
      expect(document.activeElement).toBe(input);
    }
    key('Escape');
    expect(find('.jp-fastgen-Prompt')).toEqual([]);
    expect(document.activeElement).toBe(view(0).contentDOM);
  });

  it('leaves the editor to the person while it waits, and goes with the answer', async () => {
    const made = await setUp(TWO_LINES);
    const { find, view } = made;
    const request = await ask(made);
    expect(request.wish.instruction).toBe('do it');
    expect(document.activeElement).toBe(view(0).contentDOM);
    await drawn();
    expect(find('.jp-fastgen-mod-waiting')).toHaveLength(2);
    answer(request, { end: 1, new: ['one = 11'] });
    await drawn();
    expect(find('.jp-fastgen-mod-waiting')).toEqual([]);
    expect(find('.jp-fastgen-Prompt')).toEqual([]);
    expect(find('.jp-fastgen-Hunk')).toHaveLength(1);
  });

  it('stays when nothing came, and says why', async () => {
    const made = await setUp(TWO_LINES);
    const { listener } = await ask(made);
    listener.done({
      type: 'done',
      id: 1,
      reason: 'empty',
      why: 'Nothing to do.',
      counts: null,
      by: ''
    });
    const status = made.find('.jp-fastgen-Prompt-status')[0];
    expect(status.textContent).toBe('Nothing to do.');
  });
});

describe('a prompt box that did not ask for the running edit', () => {
  const input = '.jp-fastgen-Prompt-input';

  it("is another cell's: it is neither locked nor closed, and cancels nothing", async () => {
    const made = await setUp(TWO_LINES, { source: 'three = 3' });
    const { desk, find, panel } = made;
    const request = await ask(made);
    panel.content.activeCellIndex = 1;
    await desk.prompt();
    request.listener.progress({
      type: 'progress',
      id: 1,
      phase: 'writing',
      fraction: null,
      lines: 1,
      cell: 'c0',
      line: 0,
      place: 0
    });
    expect(find(input)).toMatchObject([{ readOnly: false }]);
    key('Escape');
    expect(find(input)).toEqual([]);
    expect(desk.session.isRunning).toBe(true);
    await desk.prompt();
    answer(request, { end: 1, new: ['one = 11'] });
    expect(find(input)).toHaveLength(1);
  });

  it('is in another view', async () => {
    const made = await setUp(TWO_LINES);
    const other = await made.open();
    await ask(made);
    await other.desk.prompt();
    expect(other.find(input)).toMatchObject([{ readOnly: false }]);
    expect(made.find(input)).toMatchObject([{ readOnly: true }]);
    key('Escape');
    expect(made.desk.session.isRunning).toBe(true);
    expect(made.find(input)).toHaveLength(1);
  });
});

it('hunks that waited before are not what came of an edit', async () => {
  const made = await setUp(TWO_LINES, { source: 'three = 3' });
  const { session } = made.desk;
  const said: string[] = [];
  session.said.connect((_, sentence) => said.push(sentence));
  answer(await ask(made, 1), { cell: 'c1', end: 1, new: ['three = 33'] });
  const { listener } = await ask(made);
  end(listener, 'stop');
  expect(said.pop()).toBe('Nothing to change was found.');
  expect(made.find('.jp-fastgen-Prompt')).toHaveLength(1);
  answer(await ask(made), { end: 1, new: ['one = 11'] });
  expect(said.pop()).toBe('1 change ready');
  expect(made.find('.jp-fastgen-Prompt')).toEqual([]);
  expect(session.review.pending).toHaveLength(2);
});

it('selected lines are followed until the person asks', async () => {
  const { panel, desk, view, context, find, asked } = await setUp(TWO_LINES);
  panel.content.mode = 'edit';
  view(0).dispatch({ selection: { anchor: 8, head: 15 } });
  await desk.prompt();
  (document.activeElement as HTMLInputElement).value = 'do it';
  const { sharedModel } = context.model.cells.get(0);
  sharedModel.updateSource(0, 0, 'zero = 0\n');
  key('Enter');
  expect(asked).toMatchObject([{ scope: { start: 2, end: 3 } }]);
  end(asked[0].listener, 'stop');
  sharedModel.setSource('zero = 0\none = 1\nother = 2');
  find('.jp-fastgen-Prompt-input')[0].focus();
  key('Enter');
  expect(asked).toHaveLength(1);
  expect(find('.jp-fastgen-Prompt-status')[0].textContent).toBe(
    'The selected lines have changed.'
  );
});

it('Escape belongs to an input method while it composes', async () => {
  const { desk, find } = await setUp(TWO_LINES);
  await desk.prompt();
  key('Escape', { isComposing: true });
  expect(find('.jp-fastgen-Prompt')).toHaveLength(1);
});
