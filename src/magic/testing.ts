import { EditorLanguageRegistry } from '@jupyterlab/codemirror';
import { NotebookPanel } from '@jupyterlab/notebook';
import { NBTestUtils } from '@jupyterlab/notebook/lib/testutils';
import { nullTranslator } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';
import type { INotebookTracker } from '@jupyterlab/notebook';
import type { IFastgenEdits } from '../tokens';
import { Actions } from './actions';
import { Answer, ITraits, Order } from './answer';
import { AnswerView } from './view';

export const trans = nullTranslator.load('');

/** Languages as the application has them. */
export function languages(): EditorLanguageRegistry {
  const registry = new EditorLanguageRegistry();
  EditorLanguageRegistry.getDefaultLanguages().forEach(language =>
    registry.addLanguage(language)
  );
  return registry;
}

beforeAll(() => {
  // Cells that are made read themselves before they are part of a document.
  jest.spyOn(console, 'warn').mockImplementation();
  // jsdom has no layout, which editors ask for.
  Range.prototype.getClientRects = () => [] as unknown as DOMRectList;
  Range.prototype.getBoundingClientRect = () => new DOMRect();
  Element.prototype.scrollIntoView = () => {};
  window.DOMRect ??= class {} as typeof DOMRect;
});

let panels: NotebookPanel[] = [];

afterEach(() => {
  panels.forEach(panel => panel.dispose());
  panels = [];
  document.body.replaceChildren();
});

/** A notebook of these sources, all run, and what was asked of the edits. */
export async function notebook(...sources: string[]) {
  const context = await NBTestUtils.createMockContext();
  context.model.fromJSON({
    cells: sources.map((source, index) => ({
      id: `c${index}`,
      cell_type: 'code',
      metadata: {},
      outputs: [],
      execution_count: 1,
      source
    })) as never[],
    metadata: {},
    nbformat: 4,
    nbformat_minor: 5
  });
  const panel = NBTestUtils.createNotebookPanel(context);
  panels.push(panel);
  panel.content.model = context.model;
  Widget.attach(panel, document.body);
  const tracker = {
    find: (test: (panel: NotebookPanel) => boolean) =>
      [panel].find(test) as NotebookPanel | undefined
  } as INotebookTracker;
  const asked: string[][] = [];
  const edits: IFastgenEdits = {
    edit: (_, ...asking) => asked.push(['edit', ...asking]),
    compare: (_, ...asking) => asked.push(['compare', ...asking])
  };
  const actions = new Actions(tracker, edits);
  const texts = () =>
    [...context.model.cells].map(cell => cell.sharedModel.getSource());
  const undo = () => context.model.sharedModel.undo();
  return { panel, context, tracker, actions, asked, texts, undo };
}

/** A view of an answer on the page, in `host`, and what a person would notice. */
export function viewed(
  traits: Partial<ITraits>,
  text: string,
  host: Node,
  actions = new Actions(null, null)
) {
  const told: Order[] = [];
  const said: string[] = [];
  const answer = new Answer(traits, text, order => told.push(order), true);
  const view = new AnswerView({
    answer,
    actions,
    languages: languages(),
    say: sentence => said.push(sentence),
    trans
  });
  host.appendChild(view.node);
  view.refresh();
  const find = (selector: string) =>
    view.node.querySelector<HTMLElement>(selector)!;
  const button = (action: string) =>
    find(`[data-action="${action}"]`) as HTMLButtonElement;
  const offered = () =>
    [
      ...view.node.querySelectorAll<HTMLElement>(
        '.jp-fastgen-Answer-buttons button:not([hidden])'
      )
    ].map(({ dataset }) => dataset.action);
  return { answer, view, told, said, find, button, offered };
}
