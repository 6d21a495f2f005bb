import { expect, Locator, Page } from '@playwright/test';

import type { CellText } from './jupyter';

/** Ghost text, without the invisible spacers that the completer leaves for a while. */
const GHOST =
  '.jp-GhostText[data-provided-by="jupyter_fastgen"]' +
  ':not(.jp-GhostText-lineSpacer):not(.jp-GhostText-letterSpacer)';

/** On the editor while Tab and Escape belong to ghost text. */
const ACTIVE = '.jp-mod-inline-completer-active';

/** Milliseconds of waiting where something must not happen; it would take a tenth of it. */
const ABSENCE_MS = 700;

/** What is used here of the application and of the document in its front tab. */
interface JupyterWindow {
  jupyterapp: {
    restored: Promise<void>;
    commands: { execute(id: string, args?: object): Promise<unknown> };
    shell: { currentWidget: DocumentView };
  };
}

interface DocumentView {
  content: NotebookView | FileView;
  context: { ready: Promise<void> };
  revealed: Promise<void>;
  sessionContext: { ready: Promise<void> };
}

interface SharedText {
  getSource(): string;
}

interface FileView {
  model: { sharedModel: SharedText };
  activeCell?: undefined;
}

interface NotebookView {
  mode: string;
  activeCellIndex: number;
  widgets: CellView[];
  activeCell: CellView;
  model: {
    sharedModel: {
      cells: unknown[];
      transact(change: () => void): void;
      deleteCellRange(from: number, to: number): void;
      insertCells(index: number, cells: object[]): void;
    };
  };
}

interface CellView {
  ready: Promise<void>;
  model: { sharedModel: SharedText };
  editor: {
    getPositionAt(offset: number): object;
    setCursorPosition(position: object): void;
    getCursorPosition(): object;
    getOffsetAt(position: object): number;
    focus(): void;
  };
}

/** The editor a person sees: its saved text, told apart from what is only drawn. */
export class Editor {
  constructor(readonly page: Page) {}

  /** The keyboard of the person. */
  get keyboard(): Page['keyboard'] {
    return this.page.keyboard;
  }

  /** The suggested cell below the last one. */
  get ghostCell(): Locator {
    return this.page.locator('.jp-fastgen-GhostCell');
  }

  /** What carries Tab and Escape while ghost text is shown. */
  get active(): Locator {
    return this.page.locator(ACTIVE);
  }

  /**
   * Replace all cells of the notebook in front and put the cursor where `|` is
   * in the last one. Plain strings are code cells.
   */
  async write(...cells: (string | CellText)[]): Promise<void> {
    const wanted = cells.map(cell =>
      typeof cell === 'string' ? { type: 'code', source: cell } : cell
    );
    const last = wanted[wanted.length - 1];
    const cursor = last.source.indexOf('|');
    if (cursor < 0) {
      throw new Error('The last cell must have a | where the cursor is to be');
    }
    wanted[wanted.length - 1] = {
      ...last,
      source: last.source.replace('|', '')
    };
    await this.page.evaluate(
      async ({ wanted, cursor }) => {
        const { jupyterapp } = window as unknown as JupyterWindow;
        // A document that is opened takes the focus once it is shown.
        await jupyterapp.restored;
        const { content, context, revealed } = jupyterapp.shell.currentWidget;
        await Promise.all([context.ready, revealed]);
        const view = content as NotebookView;
        const { sharedModel } = view.model;
        sharedModel.transact(() => {
          sharedModel.deleteCellRange(0, sharedModel.cells.length);
          sharedModel.insertCells(
            0,
            wanted.map(({ type, source }) => ({
              cell_type: type,
              source,
              metadata: {},
              ...(type === 'code' && { outputs: [], execution_count: null })
            }))
          );
        });
        view.activeCellIndex = wanted.length - 1;
        await view.activeCell.ready;
        const { editor } = view.activeCell;
        editor.setCursorPosition(editor.getPositionAt(cursor));
      },
      { wanted, cursor }
    );
    await this._focus();
  }

  /** Enter the active cell; what the application still has to do may leave it again. */
  private async _focus(): Promise<void> {
    await expect(async () => {
      await this.page.evaluate(() => {
        const { jupyterapp } = window as unknown as JupyterWindow;
        const view = jupyterapp.shell.currentWidget.content as NotebookView;
        view.mode = 'edit';
        view.activeCell.editor.focus();
      });
      const focused = this.page.locator('.cm-editor.cm-focused');
      await expect(focused).toBeVisible({ timeout: 1000 });
    }).toPass({ timeout: 15_000 });
  }

  /** Type as a person does: one key after the other. */
  async type(text: string): Promise<void> {
    await this.keyboard.type(text, { delay: 40 });
  }

  /** Press one key. */
  async press(key: string): Promise<void> {
    await this.keyboard.press(key);
  }

  /** Run the active cell by this key, once there is a kernel. */
  async run(key = 'ControlOrMeta+Enter'): Promise<void> {
    await this.page.evaluate(async () => {
      const { jupyterapp } = window as unknown as JupyterWindow;
      await jupyterapp.shell.currentWidget.sessionContext.ready;
    });
    await this.press(key);
  }

  /** The text of the active cell or file, without what is only drawn. */
  async source(): Promise<string> {
    return this.page.evaluate(() => {
      const { jupyterapp } = window as unknown as JupyterWindow;
      const { content } = jupyterapp.shell.currentWidget;
      const { model } = content.activeCell ?? (content as FileView);
      return model.sharedModel.getSource();
    });
  }

  /** The texts of all cells, without what is only drawn. */
  async sources(): Promise<string[]> {
    return this.page.evaluate(() => {
      const { jupyterapp } = window as unknown as JupyterWindow;
      const view = jupyterapp.shell.currentWidget.content as NotebookView;
      return view.widgets.map(({ model }) => model.sharedModel.getSource());
    });
  }

  /** Wait until the notebook in front holds exactly these cells. */
  async expectSources(...texts: string[]): Promise<void> {
    await expect
      .poll(() => this.sources(), { message: 'cells' })
      .toEqual(texts);
  }

  /** Every ghost text that is drawn. More than one would be one too many. */
  async ghosts(): Promise<string[]> {
    return this.page.$$eval(GHOST, found =>
      found
        // Empty lines at the end are room for more, and no text.
        .map(ghost => (ghost as HTMLElement).innerText.replace(/\n+$/, ''))
        .filter(text => text !== '')
    );
  }

  /** Wait until exactly this ghost text is drawn; none for ''. */
  async expectGhost(text: string): Promise<void> {
    await expect
      .poll(() => this.ghosts(), { message: 'ghost text' })
      .toEqual(text === '' ? [] : [text]);
  }

  /** Wait until one ghost text is drawn, and give it. */
  async anyGhost(timeout = 60_000): Promise<string> {
    await expect
      .poll(async () => (await this.ghosts()).length, {
        message: 'number of ghost texts',
        timeout
      })
      .toBe(1);
    return (await this.ghosts())[0];
  }

  /** The ghost text once its last letters, which have arrived, are drawn. */
  async settledGhost(): Promise<string> {
    let before: string[];
    let now = await this.ghosts();
    do {
      before = now;
      // A drawing may wait for the next frame, and its highlighting for 50 ms.
      await this.page.waitForTimeout(120);
      now = await this.ghosts();
    } while (now.join('\0') !== before.join('\0'));
    expect(now, 'ghost text').toHaveLength(1);
    return now[0];
  }

  /** Wait until the document in front holds exactly this text. */
  async expectSource(text: string): Promise<void> {
    await expect.poll(() => this.source(), { message: 'document' }).toBe(text);
  }

  /** Let pass the time in which something unwanted would have happened. */
  async absence(): Promise<void> {
    await this.page.waitForTimeout(ABSENCE_MS);
  }

  /** Close the document in front without saving it. */
  async discard(): Promise<void> {
    const closed = this.command('application:close');
    await this.page.getByRole('button', { name: 'Discard' }).click();
    await closed;
  }

  /** Run a command of the application. */
  async command(id: string, args: object = {}): Promise<void> {
    await this.page.evaluate(
      async ({ id, args }) => {
        const { jupyterapp } = window as unknown as JupyterWindow;
        await jupyterapp.commands.execute(id, args);
      },
      { id, args }
    );
  }
}

/** The item that says what the engine is doing, in the status bar or the toolbar. */
export function statusItem(page: Page): Locator {
  return page.locator('.jp-fastgen-StatusItem-button');
}

/** Wait until the status says that the model is ready; loading may take its time. */
export async function expectReady(page: Page): Promise<void> {
  await expect(statusItem(page)).toHaveAttribute('data-state', 'ready', {
    timeout: 60_000
  });
}

/** Close the panel by key, once it has the focus. */
export async function closePanel(page: Page): Promise<void> {
  const dialog = page.locator('.jp-fastgen-PanelDialog');
  await expect(dialog.locator(':focus')).toHaveCount(1);
  await page.keyboard.press('Escape');
  await expect(dialog).toHaveCount(0);
}
