/* What follows a cell that has run: below the notebook, or in the empty cell below it. */
import { expect } from '@playwright/test';

import { Editor } from './editor';
import { savedCells } from './jupyter';
import { test } from './pages';
import { ScriptedServer } from './script';

const RIDES = `rides = [
    {"day": "Mon", "station": "Harbour", "minutes": 12},
    {"day": "Tue", "station": "Museum", "minutes": 25},
    {"day": "Wed", "station": "Park", "minutes": 31},
]`;

const TITLE = { type: 'markdown' as const, source: '# Rides' };

const CODE = '.jp-fastgen-GhostCell-code';

test('a cell is suggested below the last one that ran, Tab makes it one', async ({
  lab: { editor, wire }
}) => {
  const { page } = editor;
  await editor.write(TITLE, `${RIDES}|`);
  await editor.run();
  await expect(editor.ghostCell).toBeVisible({ timeout: 90_000 });
  const [asked] = wire.asked('next').slice(-1);
  await expect
    .poll(() => wire.answered('done').some(({ id }) => id === asked.id), {
      timeout: 90_000
    })
    .toBe(true);
  const text = await page.locator(CODE).innerText();
  expect(text).toMatch(/\S/);
  await expect(page.locator('.jp-fastgen-Announcer')).toContainText(
    text.split('\n')[0].trim()
  );
  // Neither the document nor the file that is saved has it.
  await editor.expectSources(TITLE.source, RIDES);
  await editor.command('docmanager:save');
  expect(await savedCells(page.request, 'lab.ipynb')).toEqual([
    TITLE.source,
    RIDES
  ]);

  await editor.press('Tab');
  await editor.expectSources(TITLE.source, RIDES, text);
  await expect(editor.ghostCell).toHaveCount(0);
  await editor.type('#');
  await editor.expectSources(TITLE.source, RIDES, `${text}#`);
  await editor.press('Backspace');
  await editor.press('Escape');
  await editor.command('notebook:undo-cell-action');
  await editor.expectSources(TITLE.source, RIDES);
});

test('an empty cell that follows gets the text once the cursor is in it', async ({
  lab: { editor, wire }
}) => {
  await editor.write(TITLE, `${RIDES}|`);
  wire.clear();
  await editor.run('Shift+Enter');
  const ghost = await editor.anyGhost(90_000);
  expect(ghost).toMatch(/\S/);
  await wire.settled(90_000);
  const whole = await editor.settledGhost();
  await editor.expectSources(TITLE.source, RIDES, '');
  await editor.press('Tab');
  await editor.expectSources(TITLE.source, RIDES, whole);
  expect(wire.asked('next')).toHaveLength(0);
});

test('Escape removes the cell, and keys that mean something else stay theirs', async ({
  scripted: { editor, server }
}) => {
  await editor.write('x = 1|');
  await suggest(editor, server, 'y = 2\nz = 3');
  // In the editor Tab indents.
  await editor.press('Enter');
  await editor.press('Tab');
  await editor.absence();
  expect(await editor.sources()).toHaveLength(1);

  await editor.write('x = 1|');
  await suggest(editor, server, 'y = 2\nz = 3');
  await editor.press('Escape');
  await expect(editor.ghostCell).toHaveCount(0);
  await expect(editor.page.locator('.jp-fastgen-mod-nextCell')).toHaveCount(0);
  await editor.expectSources('x = 1');
});

test('the cell is accepted by word and by line, the rest is ghost text in it', async ({
  scripted: { editor, server }
}) => {
  await editor.write('x = 1|');
  await suggest(editor, server, 'y = 2\nz = 3\nprint(x)');
  await editor.press('ControlOrMeta+ArrowDown');
  await editor.expectSources('x = 1', 'y = 2');
  await editor.expectGhost('\nz = 3\nprint(x)');
  await editor.press('ControlOrMeta+ArrowRight');
  await editor.expectSources('x = 1', 'y = 2\nz');
  await editor.press('Tab');
  await editor.expectSources('x = 1', 'y = 2\nz = 3\nprint(x)');
});

test('beside ghost text that was left in the cell, Tab takes the suggested cell', async ({
  scripted: { editor, server }
}) => {
  await editor.write('x = 1|');
  await editor.type(' ');
  const job = await server.jobAt(6);
  job.chunk('# one');
  job.done();
  await editor.expectGhost('# one');
  await suggest(editor, server, 'y = 2');
  await editor.press('Tab');
  await editor.expectSources('x = 1 ', 'y = 2');
});

test('a change, another run and a key while it is written end it', async ({
  scripted: { editor, server }
}) => {
  await editor.write('x = 1|');
  await suggest(editor, server, 'y = 2');
  await editor.command('notebook:insert-cell-above');
  await expect(editor.ghostCell).toHaveCount(0);

  await editor.write('x = 1|');
  await editor.run();
  let job = await server.jobOfNextCell();
  await editor.run();
  await expect.poll(() => job.isEnded).toBe(true);
  await expect
    .poll(async () => (await server.jobOfNextCell()).id)
    .not.toBe(job.id);
  job = await server.jobOfNextCell();
  await editor.press('Enter');
  await expect.poll(() => job.isEnded).toBe(true);
  job.chunk('late = 1\n');
  await editor.absence();
  await expect(editor.ghostCell).toHaveCount(0);
});

test('nothing is suggested after an error, or above other code', async ({
  scripted: { editor, server }
}) => {
  await editor.write('1 / 0|');
  await editor.run();
  await expect(editor.page.locator('.jp-OutputArea')).toContainText('Error');
  await editor.write('y = 2', 'x = 1|');
  await editor.page.locator('.jp-CodeCell').first().click();
  await editor.run();
  await expect(
    editor.page.locator('.jp-CodeCell').first().locator('.jp-InputPrompt')
  ).toHaveText(/\[\d+\]/);
  await editor.absence();
  expect(server.received.filter(({ type }) => type === 'next')).toEqual([]);
});

/** Run the cell with the cursor and let a cell be suggested. */
async function suggest(
  editor: Editor,
  server: ScriptedServer,
  text: string
): Promise<void> {
  server.clear();
  await editor.run();
  const job = await server.jobOfNextCell();
  job.chunk(text);
  job.done();
  await expect(editor.page.locator(CODE)).toHaveText(text);
}
