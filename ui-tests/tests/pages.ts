import { Browser, test as base, WorkerInfo } from '@playwright/test';

import { Editor, expectReady } from './editor';
import { openInLab, openInNotebook, saveNotebook } from './jupyter';
import { ScriptedServer } from './script';
import { Wire } from './wire';

/** A page on the real model, and what it says to the server. */
export interface RealPage {
  editor: Editor;
  wire: Wire;
}

/** A page on a server that the test plays. */
export interface ScriptedPage {
  editor: Editor;
  server: ScriptedServer;
}

interface Pages {
  /** JupyterLab on the real model. */
  lab: RealPage;
  /** Notebook 7 on the real model. */
  notebook: RealPage;
  /** JupyterLab on a scripted server. */
  scripted: ScriptedPage;
}

interface SharedPages {
  sharedLab: RealPage;
  sharedNotebook: RealPage;
  sharedScripted: ScriptedPage;
}

/**
 * Tests that share pages: opening one takes longer than most tests. Each test
 * writes the cells it needs. After a failure Playwright opens fresh ones.
 */
export const test = base.extend<Pages, SharedPages>({
  sharedLab: [
    async ({ browser }, use, info) => {
      const page = await newPage(browser, info);
      await saveNotebook(page.request, 'lab.ipynb', [
        { type: 'code', source: '' }
      ]);
      const wire = new Wire(page);
      await openInLab(page, 'lab.ipynb');
      await expectReady(page);
      await use({ editor: new Editor(page), wire });
      await page.context().close();
    },
    { scope: 'worker', timeout: 120_000 }
  ],
  sharedNotebook: [
    async ({ browser }, use, info) => {
      const page = await newPage(browser, info);
      await saveNotebook(page.request, 'notebook.ipynb', [
        { type: 'code', source: '' }
      ]);
      const wire = new Wire(page);
      await openInNotebook(page, 'notebook.ipynb');
      await expectReady(page);
      await use({ editor: new Editor(page), wire });
      await page.context().close();
    },
    { scope: 'worker', timeout: 120_000 }
  ],
  sharedScripted: [
    async ({ browser }, use, info) => {
      const page = await newPage(browser, info);
      await saveNotebook(page.request, 'scripted.ipynb', [
        { type: 'code', source: '' }
      ]);
      const server = await ScriptedServer.replace(page);
      await openInLab(page, 'scripted.ipynb');
      await expectReady(page);
      await use({ editor: new Editor(page), server });
      await page.context().close();
    },
    { scope: 'worker', timeout: 120_000 }
  ],
  lab: async ({ sharedLab }, use) => {
    sharedLab.wire.clear();
    await use(sharedLab);
  },
  notebook: async ({ sharedNotebook }, use) => {
    sharedNotebook.wire.clear();
    await use(sharedNotebook);
  },
  scripted: async ({ sharedScripted }, use) => {
    sharedScripted.server.clear();
    await use(sharedScripted);
  }
});

/** A page in a browser context of its own, with the options of the project. */
async function newPage(browser: Browser, { project }: WorkerInfo) {
  const { baseURL, viewport } = project.use;
  const context = await browser.newContext({ baseURL, viewport });
  return context.newPage();
}
