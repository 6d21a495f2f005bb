/* An edit arrives as changes over an untouched document; the person decides on each. */
import { expect } from '@playwright/test';

import { savedCells } from './jupyter';
import { test } from './pages';
import { ReviewPage } from './review';
import type { WireHunk } from './script';

const CELL = `import math

def area(r):
    return 3.14 * r ** 2

def rim(r):
    return 2 * 3.14 * r`;

const AREA = 'return math.pi * r ** 2';
const RIM = 'return 2 * math.pi * r';
const WITH_AREA = CELL.replace('return 3.14 * r ** 2', AREA);
const WITH_RIM = CELL.replace('return 2 * 3.14 * r', RIM);

/** Two changes of that cell. */
function changes(cell: string): [WireHunk, WireHunk] {
  return [
    { cell, start: 3, end: 4, new: [`    ${AREA}`], label: 'def area' },
    { cell, start: 6, end: 7, new: [`    ${RIM}`], label: 'def rim' }
  ];
}

test('an edit is asked for, followed, accepted and undone in one step', async ({
  scripted: { editor, server }
}) => {
  await editor.write(`${CELL}|`);
  const review = new ReviewPage(editor);
  await review.open();
  // The server may read the code while the person describes the edit.
  const prepared = () => server.received.filter(m => m.type === 'prepare');
  expect(prepared()).toHaveLength(1);
  await editor.keyboard.type('use math.pi');
  await editor.press('Enter');
  const job = await server.edit();
  const { instruction, cells } = job.message;
  expect(instruction).toBe('use math.pi');
  expect(cells).toEqual(prepared()[0].cells);
  job.progress({ phase: 'loading', fraction: 0.4 });
  await expect(review.status).toHaveText(/Loading the model 40/);
  job.progress({ phase: 'writing', lines: 3, cell: cells![0], line: 3 });
  await expect(review.status).toHaveText('Writing, 3 lines');
  await expect(review.waiting).toHaveCount(3);
  job.answer(...changes(cells![0]));
  await expect(review.hunks).toHaveCount(2);
  await expect(review.prompt).toHaveCount(0);
  await expect(review.waiting).toHaveCount(0);
  expect(await review.removed()).toEqual([
    '    return 3.14 * r ** 2',
    '    return 2 * 3.14 * r'
  ]);
  expect(await review.added()).toEqual([`    ${AREA}`, `    ${RIM}`]);
  await editor.expectSource(CELL);

  await editor.press('Alt+Y');
  await editor.expectSource(WITH_AREA);
  await review.button('accept', review.hunks).click();
  await editor.expectSource(CELL.replaceAll('3.14', 'math.pi'));
  await expect(review.hunks).toHaveCount(0);
  await editor.press('ControlOrMeta+z');
  await editor.expectSource(WITH_AREA);
  await editor.press('ControlOrMeta+z');
  await editor.expectSource(CELL);
  // What is undone waits again.
  await expect(review.hunks).toHaveCount(2);
});

test('an edit is partly accepted; until then it is not saved', async ({
  scripted: { editor, server }
}) => {
  await editor.write(`${CELL}|`);
  const review = new ReviewPage(editor);
  await review.ask('use math.pi');
  const job = await server.edit();
  job.answer(...changes(job.message.cells![0]));
  await expect(review.hunks).toHaveCount(2);
  await editor.command('docmanager:save');
  const saved = () => savedCells(editor.page.request, 'scripted.ipynb');
  expect(await saved()).toEqual([CELL]);
  await editor.press('Alt+N');
  await expect(review.hunks).toHaveCount(1);
  await editor.expectSource(CELL);
  await review.button('accept-all').click();
  await editor.expectSource(WITH_RIM);
  await editor.command('docmanager:save');
  expect(await saved()).toEqual([WITH_RIM]);
  await expect(review.bar).toHaveCount(0);
});

test('changes stay with their lines while the person types, or go with a word', async ({
  scripted: { editor, server }
}) => {
  await editor.write(`|${CELL}`);
  const review = new ReviewPage(editor);
  await review.ask('use math.pi');
  const job = await server.edit();
  // The editor can be used while the answer is awaited.
  await editor.type('# Circles');
  await editor.press('Enter');
  job.answer(...changes(job.message.cells![0]));
  await expect(review.hunks).toHaveCount(2);
  await editor.press('ControlOrMeta+Home');
  await editor.press('Enter');
  expect(await review.removed()).toEqual([
    '    return 3.14 * r ** 2',
    '    return 2 * 3.14 * r'
  ]);
  await editor.press('ControlOrMeta+End');
  await editor.type(' # rim');
  await expect(review.hunks).toHaveCount(1);
  await expect(review.bar).toContainText('1 change was dropped');
  await editor.press('Alt+Y');
  await editor.expectSource(`\n# Circles\n${WITH_AREA} # rim`);
});

test('an edit is cancelled', async ({ scripted: { editor, server } }) => {
  await editor.write(`${CELL}|`);
  const review = new ReviewPage(editor);
  await review.ask('use math.pi');
  const job = await server.edit();
  const [first, second] = changes(job.message.cells![0]);
  job.hunks(first);
  // Shown, but not to be decided upon: it may yet change.
  await expect(review.hunks).toHaveCount(1);
  await expect(review.hunks.locator('button')).toHaveCount(0);
  await review.button('cancel', review.prompt).click();
  await expect
    .poll(() => server.received.filter(({ type }) => type === 'cancel'))
    .toEqual([{ type: 'cancel', id: job.id }]);
  job.hunks(second);
  await editor.absence();
  await expect(review.hunks).toHaveCount(0);
  await editor.expectSource(CELL);
});

test('an edit whose server is lost says so and can be asked for again', async ({
  scripted: { editor, server }
}) => {
  await editor.write(`${CELL}|`);
  const review = new ReviewPage(editor);
  await review.ask('use math.pi');
  const job = await server.edit();
  job.hunks(changes(job.message.cells![0])[0]);
  await expect(review.hunks).toHaveCount(1);
  await server.drop();
  await expect(review.status).toHaveText(/connection to the server was lost/);
  await expect(review.hunks).toHaveCount(0);
  await editor.expectSource(CELL);
  server.clear();
  await expect
    .poll(() => server.received.map(({ type }) => type))
    .toContain('hello');
  await review.prompt.locator('input').press('Enter');
  const again = await server.edit();
  expect(again.message.instruction).toBe('use math.pi');
  again.answer(...changes(again.message.cells![0]));
  await expect(review.hunks).toHaveCount(2);
  await review.button('close').click();
  await expect(review.hunks).toHaveCount(0);
});

test('what needs a look is not accepted with the others', async ({
  scripted: { editor, server }
}) => {
  await editor.write(`${CELL}|`);
  const review = new ReviewPage(editor);
  await review.ask('use math.pi');
  const job = await server.edit();
  const [first, second] = changes(job.message.cells![0]);
  job.answer(first, { ...second, reasons: ['It may be a comment.'] });
  await expect(review.hunks.last()).toContainText('It may be a comment.');
  await expect(review.button('accept-all')).toHaveText('Accept 1 of 2');
  await expect(
    review.hunks.last().getByRole('button', { name: /^Accept/ })
  ).toHaveAccessibleName(
    'Accept. Change 2 of 2, def rim, line 7: 1 line removed, 1 line added; needs a look: It may be a comment.'
  );
  await editor.press('Alt+Shift+Y');
  await editor.expectSource(WITH_AREA);
  await expect(review.hunks).toHaveCount(1);
  await expect(review.button('accept-all')).toBeDisabled();
  await review.button('accept', review.hunks).click();
  await editor.expectSource(CELL.replaceAll('3.14', 'math.pi'));
});

test('nothing covers the buttons, and they work by key', async ({
  scripted: { editor, server }
}) => {
  // A change of the first line is where the cell's toolbar would be.
  await editor.write('one = 1\ntwo = 2|');
  const review = new ReviewPage(editor);
  await review.ask('other numbers');
  const job = await server.edit();
  const [cell] = job.message.cells!;
  job.answer(
    { cell, start: 0, end: 1, new: ['one = 11'] },
    { cell, start: 2, end: 2, new: ['three = 3'] }
  );
  await expect(review.hunks).toHaveCount(2);
  for (const button of await review.hunks.locator('button').all()) {
    await button.click({ trial: true });
  }
  await editor.press('Alt+J');
  await expect(
    review.hunks.last().locator('[data-action="accept"]')
  ).toBeFocused();
  await editor.press('Tab');
  await expect(
    review.hunks.last().locator('[data-action="reject"]')
  ).toBeFocused();
  await editor.press('Alt+K');
  await expect(
    review.hunks.first().locator('[data-action="accept"]')
  ).toBeFocused();
  await editor.press('Enter');
  await editor.expectSource('one = 11\ntwo = 2');
  await expect(
    review.hunks.last().locator('[data-action="accept"]')
  ).toBeFocused();
  await editor.press('Enter');
  await editor.expectSource('one = 11\ntwo = 2\nthree = 3');
  await expect(editor.page.locator('.cm-content:focus')).toHaveCount(1);
});

test('the prompt box knows what was asked before, and what it will change', async ({
  scripted: { editor, server }
}) => {
  await editor.write('before = 0', 'one = 1\ntwo = 2\nthree = 3|');
  const review = new ReviewPage(editor);
  await review.ask('first wish');
  (await server.edit()).done('empty', 'There is nothing to change.');
  await expect(review.status).toHaveText('There is nothing to change.');
  await review.prompt.locator('input').press('Escape');
  await expect(review.prompt).toHaveCount(0);

  await editor.press('Shift+ArrowUp');
  await review.open();
  const scope = review.prompt.locator('select');
  expect(await scope.locator('option').allInnerTexts()).toEqual([
    'Lines 2 to 3',
    'This cell',
    'Whole notebook'
  ]);
  await editor.keyboard.type('second wish');
  await editor.press('ArrowUp');
  const input = review.prompt.locator('input');
  await expect(input).toHaveValue('first wish');
  await editor.press('ArrowDown');
  await expect(input).toHaveValue('second wish');
  await editor.press('Enter');
  const job = await server.edit();
  expect(job.message).toMatchObject({ start: 1, end: 3 });
  job.done('empty');
  await scope.selectOption('Whole notebook');
  await input.press('Enter');
  const whole = await server.edit();
  expect(whole.message.cells).toHaveLength(2);
  expect(whole.message.end).toBeUndefined();
});

test('no ghost text gets in the way of a review', async ({
  scripted: { editor, server }
}) => {
  await editor.write(`${CELL}|`);
  const review = new ReviewPage(editor);
  await review.ask('use math.pi');
  const job = await server.edit();
  job.answer(...changes(job.message.cells![0]));
  await expect(review.hunks).toHaveCount(2);
  server.clear();
  await editor.press('ControlOrMeta+Home');
  await editor.type('# x');
  await editor.absence();
  expect(server.requests).toEqual([]);
  await review.button('close').click();
  await editor.page.locator('.cm-content').last().focus();
  await editor.type('y');
  await expect.poll(() => server.requests.length).toBeGreaterThan(0);
});

test('ghost text goes when changes come, and what is asked for ends', async ({
  scripted: { editor, server }
}) => {
  await editor.write('one = 1\n|');
  const review = new ReviewPage(editor);
  await review.ask('bigger');
  const job = await server.edit();
  const [cell] = job.message.cells!;
  await editor.type('t');
  const ghost = await server.jobAt(9);
  ghost.chunk('wo = 2');
  await editor.expectGhost('wo = 2');
  job.answer({ cell, start: 0, end: 1, new: ['one = 10'] });
  await expect(review.hunks).toHaveCount(1);
  await editor.expectGhost('');
  await expect
    .poll(() => server.received.filter(({ type }) => type === 'cancel'))
    .toContainEqual({ type: 'cancel', id: ghost.id });
  ghost.chunk(' + 0');
  await editor.absence();
  await editor.expectGhost('');
  await editor.expectSource('one = 1\nt');
  await review.button('close').click();
});
