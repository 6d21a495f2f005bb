/* What is asked for, when, and what becomes of answers that come too late. */
import { expect } from '@playwright/test';

import { Editor } from './editor';
import { openInLab, saveSettings, SETTINGS } from './jupyter';
import { test } from './pages';
import { ScriptedServer } from './script';

test('offsets count code points', async ({ scripted: { editor, server } }) => {
  const before = 's = "😀👩‍🚀é😀"; pri';
  await editor.write(`${before}|`);
  await editor.type('n');
  const job = await server.jobAt(Array.from(before).length + 1);
  job.chunk('t(s, "😀")');
  job.done();
  await editor.expectGhost('t(s, "😀")');
  await editor.press('Tab');
  await editor.expectSource(`${before}nt(s, "😀")`);
});

test('a key that does not agree ends the old request and its text', async ({
  scripted: { editor, server }
}) => {
  await editor.write('|');
  await editor.type('p');
  const old = await server.jobAt(1);
  old.chunk('rint');
  await editor.expectGhost('rint');
  await editor.type('a');
  const next = await server.jobAt(2);
  // The server knows: cancelled by a message, or superseded by the new request.
  expect(old.isEnded).toBe(true);
  await editor.expectGhost('');
  // A frame that was on its way is not drawn.
  old.chunk('("late")');
  next.chunk('ss');
  next.done();
  await editor.expectGhost('ss');
  await editor.press('Tab');
  await editor.expectSource('pass');
});

test('what follows is there as soon as a suggestion is accepted', async ({
  scripted: { editor, server }
}) => {
  await editor.write('|');
  await editor.type('a');
  const job = await server.jobAt(1);
  job.chunk(' = 1');
  job.done();
  await editor.expectGhost(' = 1');
  const following = await server.jobAfter(' = 1');
  following.chunk('\nb = 2');
  following.done();
  await editor.absence();
  await editor.expectGhost(' = 1');
  await editor.press('Tab');
  await editor.expectGhost('\nb = 2');
  await editor.press('Tab');
  await editor.expectSource('a = 1\nb = 2');
  // Both came of one request.
  expect(server.requests.filter(({ offset }) => offset! < 11)).toHaveLength(1);
});

test('a suggestion is accepted by word and by line, the rest stays', async ({
  scripted: { editor, server }
}) => {
  await editor.write('|');
  await editor.type('d');
  const job = await server.jobAt(1);
  job.chunk('ef double(x):\n    return 2 * x');
  job.done();
  await editor.expectGhost('ef double(x):\n    return 2 * x');
  await editor.press('ControlOrMeta+ArrowRight');
  await editor.expectSource('def');
  await editor.expectGhost(' double(x):\n    return 2 * x');
  await editor.press('ControlOrMeta+ArrowDown');
  await editor.expectSource('def double(x):');
  await editor.expectGhost('\n    return 2 * x');
  await editor.press('ControlOrMeta+ArrowRight');
  await editor.expectSource('def double(x):\n    return');
  await editor.expectGhost(' 2 * x');
  expect(server.requests).toHaveLength(1);
  await editor.press('ControlOrMeta+z');
  await editor.expectSource('def double(x):');
  await server.jobAt(14); // what was undone is not offered again as it was
});

test('the next request tells what became of a suggestion', async ({
  scripted: { editor, server }
}) => {
  await editor.write('|');
  await editor.type('a');
  const wrong = await server.jobAt(1);
  wrong.chunk(' = 12');
  wrong.done();
  await editor.expectGhost(' = 12');
  await editor.type(' = 3');
  const right = await server.jobAt(5);
  expect(server.requests.flatMap(({ outcomes }) => outcomes ?? [])).toEqual([
    { id: wrong.id, kept: 3 }
  ]);
  right.chunk('4');
  right.done();
  await editor.expectGhost('4');
  const following = await server.jobAfter('4');
  following.done();
  await editor.press('Tab');
  await editor.expectSource('a = 34');
  await editor.press('Enter');
  await server.jobAt(7);
  expect(server.requests.flatMap(({ outcomes }) => outcomes ?? [])).toEqual([
    { id: wrong.id, kept: 3 },
    { id: right.id, kept: 1 }
  ]);
});

test('without a suggestion the keys of its parts are the editor’s', async ({
  scripted: { editor }
}) => {
  await editor.write('|one two');
  await editor.press('ControlOrMeta+ArrowRight');
  await editor.type('!');
  await editor.expectSource('one! two');
});

test('moving the cursor away ends the request and removes the text', async ({
  scripted: { editor, server }
}) => {
  await editor.write('x = 1|');
  await editor.type('0');
  const job = await server.jobAt(6);
  job.chunk(' + 2');
  await editor.expectGhost(' + 2');
  await editor.press('Home');
  await editor.expectGhost('');
  await expect.poll(() => job.isEnded).toBe(true);
  await expect(editor.active).toHaveCount(0);
});

test('an acceptance is one undo step, however soon it follows a key', async ({
  scripted: { editor, server }
}) => {
  await editor.write('|');
  await editor.type('pri');
  const job = await server.jobAt(3);
  job.chunk('nt("hello")');
  job.done();
  await editor.expectGhost('nt("hello")');
  await editor.press('Tab');
  await editor.type('#');
  await editor.expectSource('print("hello")#');
  await editor.press('ControlOrMeta+z');
  await editor.expectSource('print("hello")');
  await editor.press('ControlOrMeta+z');
  await editor.expectSource('pri');
});

test('what is held back leaves the screen', async ({
  scripted: { editor, server }
}) => {
  await editor.write('|');
  await editor.type('p');
  const job = await server.jobAt(1);
  job.chunk('rint(undefined_name');
  await editor.expectGhost('rint(undefined_name');
  job.done('held');
  await editor.expectGhost('');
  await expect(editor.active).toHaveCount(0);
  await editor.expectSource('p');
});

test('going back over what was typed costs no request', async ({
  scripted: { editor, server }
}) => {
  await editor.write('|');
  await editor.type('p');
  const job = await server.jobAt(1);
  job.chunk('rint()');
  job.done();
  await editor.expectGhost('rint()');
  await editor.type('ri');
  await editor.expectGhost('nt()');
  await editor.press('Backspace');
  await editor.expectGhost('int()');
  expect(server.requests).toHaveLength(1);
});

test('characters that hide or turn code around are not shown', async ({
  scripted: { editor, server }
}) => {
  await editor.write('|');
  await editor.type('p');
  const job = await server.jobAt(1);
  job.chunk('rin\u202et\u200b(\u2066"h")');
  job.done();
  await editor.expectGhost('rint("h")');
  await editor.press('Tab');
  await editor.expectSource('print("h")');
});

test('a lost connection is said, and mended by itself', async ({
  scripted: { editor, server }
}) => {
  const item = editor.page.locator('.jp-fastgen-StatusItem-button');
  await editor.write('|');
  await server.drop();
  await expect(item).toHaveAttribute('data-state', 'disconnected');
  await editor.type('pri');
  await editor.expectSource('pri');
  await expect(item).toHaveAttribute('data-state', 'ready');
  await editor.type('n');
  const job = await server.jobAt(4);
  job.chunk('t()');
  job.done();
  await editor.expectGhost('t()');
});

test('a bracket that the editor has closed is not closed twice', async ({
  page
}) => {
  await saveSettings(page.request, SETTINGS.notebook, {
    codeCellConfig: { autoClosingBrackets: true }
  });
  try {
    const server = await ScriptedServer.replace(page);
    await openInLab(page, 'short.ipynb');
    const editor = new Editor(page);
    await editor.write('print|');
    await editor.type('(');
    await editor.expectSource('print()');
    const job = await server.jobAt(6);
    job.chunk('len(x), y');
    job.done();
    await editor.expectGhost('len(x), y');
    await editor.press('Tab');
    await editor.expectSource('print(len(x), y)');

    // Typed through, the suggestion has a bracket that the editor adds as well.
    await editor.write('prin|');
    await editor.type('t');
    const whole = await server.jobAt(5);
    whole.chunk('(len(x))');
    whole.done();
    await editor.expectGhost('(len(x))');
    await editor.type('(');
    await editor.expectSource('print()');
    await editor.expectGhost('len(x)');
    await editor.press('Tab');
    await editor.expectSource('print(len(x))');
  } finally {
    await saveSettings(page.request, SETTINGS.notebook, {});
  }
});
