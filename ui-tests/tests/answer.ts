import { expect, Locator } from '@playwright/test';

import type { Editor } from './editor';

/** Defines a `%%fastgen` whose answer, `answer`, the test plays. */
const PLAYED = `
import threading, time, uuid
import ipywidgets
from IPython.core.magic import register_cell_magic
from IPython.display import display
from traitlets import Dict, Float, Int, List, Unicode

MIME = 'application/vnd.jupyter-fastgen.answer+json'

class Answer(ipywidgets.DOMWidget):
    _model_name = Unicode('FastgenAnswerModel').tag(sync=True)
    _model_module = Unicode('jupyter_fastgen').tag(sync=True)
    _model_module_version = Unicode('^0.1.0').tag(sync=True)
    _view_name = Unicode('FastgenAnswerView').tag(sync=True)
    _view_module = Unicode('jupyter_fastgen').tag(sync=True)
    _view_module_version = Unicode('^0.1.0').tag(sync=True)
    phase = Unicode('queued').tag(sync=True)
    progress = Float(None, allow_none=True).tag(sync=True)
    language = Unicode('python').tag(sync=True)
    prompt = Unicode('').tag(sync=True)
    why = Unicode('').tag(sync=True)
    tokens = Int(0).tag(sync=True)
    rate = Float(0.0).tag(sync=True)
    cell = Unicode('').tag(sync=True)
    target = Unicode('').tag(sync=True)
    wish = Dict().tag(sync=True)
    path = Unicode('').tag(sync=True)
    hunks = List([]).tag(sync=True)
    written = ''

    def get_state(self, *args, **kwargs):
        return {**super().get_state(*args, **kwargs), 'text': self.written}

    def write(self, text):
        self.phase, self.progress = 'writing', None
        self.written += text
        self.send({'t': text})

answer, orders = None, []

def bundle():
    return {MIME: {'model': answer.model_id, 'language': 'python'},
            'text/markdown': f'\`\`\`python\\n{answer.written}\\n\`\`\`',
            'text/plain': answer.written}

@register_cell_magic
def fastgen(line, cell):
    global answer
    orders.clear()
    answer = Answer(prompt=cell.strip())
    answer.on_msg(lambda widget, order, buffers: orders.append(order))
    answer.shown = display(bundle(), raw=True, display_id=uuid.uuid4().hex)

def end(phase='done', **traits):
    for name, value in traits.items():
        setattr(answer, name, value)
    answer.phase = phase
    answer.shown.update(bundle(), raw=True)
`;

/** The answers in the notebook in front. */
export class AnswerPage {
  constructor(readonly editor: Editor) {}

  /** The last answer that is shown. */
  get node(): Locator {
    return this.editor.page
      .locator('.jp-Document:not(.lm-mod-hidden) .jp-fastgen-Answer')
      .last();
  }

  /** What it says of its course. */
  get status(): Locator {
    return this.node.locator('.jp-fastgen-Answer-status');
  }

  /** Its lines of code. */
  get lines(): Locator {
    return this.node.locator('.cm-line');
  }

  /** A button by its action. */
  button(action: string): Locator {
    return this.node.locator(`[data-action="${action}"]`);
  }

  /** Write a cell that calls the magic, below others, and run it in a kernel that plays it. */
  async ask(prompt: string, ...above: string[]): Promise<void> {
    await this.editor.write(...above, `%%fastgen\n${prompt}|`);
    await this.run(PLAYED);
    await this.editor.run();
    await expect(this.node).toHaveAccessibleName(`Answer to: ${prompt}`);
  }

  /** Wait until the kernel has got exactly these orders. */
  async expectOrders(...orders: object[]): Promise<void> {
    const wanted = JSON.stringify(JSON.stringify(orders));
    await expect(async () =>
      this.run(`import json; assert orders == json.loads(${wanted}), orders`)
    ).toPass({ timeout: 15_000 });
  }

  /** Run Python in the kernel of the notebook, beside its cells. */
  async run(code: string): Promise<void> {
    await this.editor.page.evaluate(async code => {
      const { jupyterapp } = window as unknown as KernelWindow;
      const { sessionContext } = jupyterapp.shell.currentWidget;
      await sessionContext.ready;
      const reply = await sessionContext.session.kernel.requestExecute({
        code,
        store_history: false
      }).done;
      if (reply.content.status !== 'ok') {
        throw new Error(JSON.stringify(reply.content));
      }
    }, code);
  }
}

interface KernelWindow {
  jupyterapp: {
    shell: {
      currentWidget: {
        sessionContext: {
          ready: Promise<void>;
          session: {
            kernel: {
              requestExecute(content: object): {
                done: Promise<{ content: { status: string } }>;
              };
            };
          };
        };
      };
    };
  };
}
