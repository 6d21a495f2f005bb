/* A real JupyterHub: its page for logging in, its proxy, a server of each user, and a gateway with
   the real model, which not everybody may use. */
import { ChildProcess, spawn } from 'child_process';
import { once } from 'events';

import { expect, Page, test } from '@playwright/test';

import { Editor, statusItem } from './editor';
import { expectNotebook } from './jupyter';
import { ReviewPage } from './review';

const PYTHON = process.env.FASTGEN_PYTHON ?? '../.venv/bin/python';

let hub: ChildProcess;
let address = '';
let token = '';

test.beforeAll(async () => {
  hub = spawn(PYTHON, ['hub.py'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = await once(hub.stdout!, 'data');
  [address, token] = String(line).trim().split(' ');
});

test.afterAll(async () => {
  const gone = once(hub, 'exit');
  hub.stdin!.end();
  await gone;
});

test('a user of the group gets ghost text from the gateway', async ({
  page
}) => {
  const editor = await open(page, 'alice');
  await expect(statusItem(page)).toHaveText(/^Fastgen: (ready|resting)/);
  await editor.write('minutes = [12, 25, 31]', '|');
  await editor.type('total = sum(minu');
  await editor.anyGhost();
  const ghost = await editor.settledGhost();
  await editor.press('Tab');
  await editor.expectSource(`total = sum(minu${ghost}`);
  await statusItem(page).click();
  const panel = page.locator('.jp-fastgen-Panel');
  await expect(panel).toContainText('127.0.0.1');
  await expect(panel).toContainText(/Used today[\d,]+ of 10,000,000 tokens/);
});

test('who waits for an edit sees the place in the queue', async ({ page }) => {
  const editor = await open(page, 'alice');
  await expect(statusItem(page)).toHaveText(/^Fastgen: (ready|resting)/);
  await editor.write('minutes = [12, 25, 31]|');
  // Another tool of the same user has the engine, as far as one user may.
  const seen = new AbortController();
  await Promise.all([countOn(seen.signal), countOn(seen.signal)]);
  const review = new ReviewPage(editor);
  await review.ask('sort the minutes');
  await expect(review.status).toHaveText('Next in the queue');
  seen.abort();
  await expect(review.prompt).toHaveCount(0, { timeout: 60_000 });
});

test('who is not in the group is told why there is none', async ({ page }) => {
  await open(page, 'bob');
  await expect(statusItem(page)).toHaveText('Fastgen: error');
  await statusItem(page).click();
  const panel = page.locator('.jp-fastgen-Panel');
  await expect(panel).toContainText('does not let this user in');
  await expect(panel).toContainText('ask the administrator');
});

test('who sits in an exam, by the gateway, gets nothing and is told so', async ({
  page
}) => {
  const editor = await open(page, 'carol');
  await expect(statusItem(page)).toHaveText('Fastgen: off');
  await editor.write('minutes = [12, 25, 31]', '|');
  await editor.type('total = sum(minu');
  await editor.command('jupyter_fastgen:invoke');
  const why =
    'the administrator turned it off for the group exam (preset exam)';
  const notices = page.locator('.Toastify__toast');
  await expect(notices.getByText(`No suggestion: ${why}.`)).toBeVisible();
  await editor.expectGhost('');
  await statusItem(page).click();
  const panel = page.locator('.jp-fastgen-Panel');
  await expect(panel).toContainText(`Suggest code: off – ${why}`);
});

/** Have the gateway write for long; resolves when it has begun. */
async function countOn(signal: AbortSignal): Promise<void> {
  const answer = await fetch(`${address}/services/fastgen/v1/completions`, {
    method: 'POST',
    headers: {
      Authorization: `Bearer ${token}`,
      'Content-Type': 'application/json'
    },
    body: JSON.stringify({
      prompt: 'Count to 100000: 1, 2, 3, 4, 5, 6,',
      max_tokens: 1000,
      stream: true
    }),
    signal
  });
  expect(answer.status).toBe(200);
  const { done } = await answer.body!.getReader().read();
  expect(done).toBe(false);
}

/** Log in, and open a notebook on the user's own server, which the hub starts. */
async function open(page: Page, user: string): Promise<Editor> {
  await page.goto(`${address}/hub/login?next=%2Fhub%2Fspawn`);
  await page.fill('#username_input', user);
  await page.fill('#password_input', 'any');
  await page.click('#login_submit');
  await page.waitForURL(`**/user/${user}/**`, { timeout: 60_000 });
  await page.goto(`${address}/user/${user}/lab/tree/short.ipynb?reset`);
  await expectNotebook(page);
  return new Editor(page);
}
