/*
 * JupyterLab's inline completer has six defects that a provider which streams
 * runs into. Each has its test here. The server is played by the test, so that
 * every letter comes when it must come for the defect to show.
 */
import { expect } from '@playwright/test';

import { Editor } from './editor';
import { openInLab, saveSettings, SETTINGS } from './jupyter';
import { test } from './pages';
import { ScriptedServer } from './script';

test('typing through a stream does not bring letters back', async ({
  scripted: { editor, server }
}) => {
  await editor.write('|');
  await editor.type('p');
  const job = await server.jobAt(1);
  job.chunk('rint');
  await editor.expectGhost('rint');
  await editor.type('r');
  await editor.expectGhost('int');
  job.chunk('("h');
  await editor.expectGhost('int("h');
  await editor.type('in');
  await editor.expectGhost('t("h');
  job.chunk('")');
  job.done();
  await editor.expectGhost('t("h")');
  await editor.type('t(');
  await editor.expectGhost('"h")');
  // Everything typed agreed with the one answer: nothing else was asked for.
  expect(server.requests).toHaveLength(1);
  await editor.press('Tab');
  await editor.expectSource('print("h")');
});

test('typing as fast as text comes does not bring letters back', async ({
  scripted: { editor, server }
}) => {
  await editor.write('|');
  await editor.type('p');
  const job = await server.jobAt(1);
  job.chunk('r');
  await editor.expectGhost('r');
  // Nothing is left to show until more text comes.
  await editor.type('r');
  await editor.expectGhost('');
  job.chunk('int');
  await editor.expectGhost('int');
  job.chunk('()');
  await editor.expectGhost('int()');
  job.done();
  expect(server.requests).toHaveLength(1);
  await editor.press('Tab');
  await editor.expectSource('print()');
});

test('an empty reply leaves no dead ghost behind', async ({
  scripted: { editor, server }
}) => {
  await editor.write('if x:\n|');
  await editor.press('Space');
  const first = await server.jobAt(7);
  first.chunk('pass');
  first.done();
  await editor.expectGhost('pass');
  await editor.press('Space');
  const second = await server.jobAt(8);
  second.done('empty');
  await editor.expectGhost('');
  await expect(editor.active).toHaveCount(0);
  await editor.press('Tab');
  await editor.expectSource('if x:\n      ');
});

test('Tab is the editor’s after a key that does not fit', async ({
  scripted: { editor, server }
}) => {
  await editor.write('if x:\n|');
  await editor.press('Space');
  const job = await server.jobAt(7);
  job.chunk('pass');
  job.done();
  await editor.expectGhost('pass');
  await editor.press('Space');
  // The new request is still without an answer.
  await server.jobAt(8);
  await editor.expectGhost('');
  await expect(editor.active).toHaveCount(0);
  await editor.press('Tab');
  await editor.expectSource('if x:\n      ');
});

test('Enter types through a newline and keeps the ghost', async ({
  scripted: { editor, server }
}) => {
  await editor.write('def f(x)|');
  await editor.type(':');
  const job = await server.jobAt(9);
  job.chunk('\n    return');
  await editor.expectGhost('\n    return');
  await editor.press('Enter');
  await editor.expectSource('def f(x):\n    ');
  await editor.expectGhost('return');
  job.chunk(' x');
  job.done();
  await editor.expectGhost('return x');
  expect(server.requests).toHaveLength(1);
  await editor.press('Tab');
  await editor.expectSource('def f(x):\n    return x');
});

test('highlighted ghost text is not doubled at the end of a stream', async ({
  page
}) => {
  const highlight = { ghostSyntaxHighlighting: true };
  await saveSettings(page.request, SETTINGS.completer, highlight);
  try {
    const server = await ScriptedServer.replace(page);
    await openInLab(page, 'short.ipynb');
    const editor = new Editor(page);
    await editor.write('|');
    // On a slow machine highlighting takes longer than the pieces take to come.
    const devtools = await page.context().newCDPSession(page);
    await devtools.send('Emulation.setCPUThrottlingRate', { rate: 8 });
    await editor.type('p');
    const job = await server.jobAt(1);
    for (const piece of ['rint', '("', 'hel']) {
      job.chunk(piece);
      await expect.poll(() => editor.ghosts()).not.toEqual([]);
    }
    // The last text and the end come at once, as they do from a model.
    job.chunk('lo")');
    job.done();
    await editor.expectGhost('rint("hello")');
    // Doubling comes with the last drawing: see that none follows.
    await editor.absence();
    await editor.expectGhost('rint("hello")');
    await expect(page.locator('.jp-GhostText span').first()).toBeVisible();
    await editor.press('Tab');
    await editor.expectSource('print("hello")');
  } finally {
    await saveSettings(page.request, SETTINGS.completer, {});
  }
});

test('Escape dismisses the ghost first, and leaves the cell second', async ({
  scripted: { editor, server }
}) => {
  const editMode = editor.page.locator('.jp-Notebook.jp-mod-editMode');
  await editor.write('|');
  await editor.type('p');
  const job = await server.jobAt(1);
  job.chunk('rint');
  await editor.expectGhost('rint');
  await editor.press('Escape');
  await editor.expectGhost('');
  await expect(editMode).toHaveCount(1);
  // What was dismissed does not come back, whatever still arrives of it.
  job.chunk('()');
  await editor.absence();
  await editor.expectGhost('');
  await editor.expectSource('p');
  await editor.press('Escape');
  await expect(editMode).toHaveCount(0);
});
