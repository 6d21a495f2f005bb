import { expect, Locator } from '@playwright/test';

import type { Editor } from './editor';

/** What a person sees and does about an edit of the document in front. */
export class ReviewPage {
  constructor(readonly editor: Editor) {}

  /** The box in which an edit is described. */
  get prompt(): Locator {
    return this._locate('.jp-fastgen-Prompt');
  }

  /** What the box says. */
  get status(): Locator {
    return this.prompt.locator('.jp-fastgen-Prompt-status');
  }

  /** The changes of lines that wait. */
  get hunks(): Locator {
    return this._locate('.jp-fastgen-Hunk');
  }

  /** The lines that are being rewritten. */
  get waiting(): Locator {
    return this._locate('.jp-fastgen-mod-waiting');
  }

  /** The changes of cells that wait. */
  get cellHunks(): Locator {
    return this._locate('.jp-fastgen-CellHunk');
  }

  /** The bar of the document in front. */
  get bar(): Locator {
    return this._locate('.jp-fastgen-Bar:visible');
  }

  /** A button by its action inside something. */
  button(action: string, within: Locator = this.bar): Locator {
    return within.locator(`[data-action="${action}"]`);
  }

  /** Open the prompt box by key. */
  async open(): Promise<void> {
    await this.editor.press('ControlOrMeta+k');
    await expect(this.prompt.locator('input')).toBeFocused();
  }

  /** Ask for an edit of where the cursor is. */
  async ask(instruction: string): Promise<void> {
    await this.open();
    await this.editor.keyboard.type(instruction);
    await this.editor.press('Enter');
  }

  /** The lines that are marked as going. */
  async removed(): Promise<string[]> {
    return this._locate('.cm-line.jp-fastgen-mod-removed').allInnerTexts();
  }

  /** The lines that are shown as coming. */
  async added(): Promise<string[]> {
    return this._locate('.jp-fastgen-Hunk-line').allInnerTexts();
  }

  private _locate(selector: string): Locator {
    return this.editor.page.locator(
      `.jp-Document:not(.lm-mod-hidden) ${selector}`
    );
  }
}
