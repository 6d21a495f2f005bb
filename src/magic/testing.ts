import { EditorLanguageRegistry } from '@jupyterlab/codemirror';
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { Wish } from '../client/edits';
import { setUp, trans } from '../diff/testing';
import type { IFastgenEdits } from '../tokens';
import { Actions } from './actions';
import { Answer, ITraits, Order } from './answer';
import { AnswerView } from './view';

/** Languages as the application has them. */
export function languages(): EditorLanguageRegistry {
  const registry = new EditorLanguageRegistry();
  EditorLanguageRegistry.getDefaultLanguages().forEach(language =>
    registry.addLanguage(language)
  );
  return registry;
}

afterEach(() => document.body.replaceChildren());

/** A notebook of these sources, all run, and what was asked of the edits. */
export async function notebook(...sources: string[]) {
  const cells = sources.map(source => ({ source, execution_count: 1 }));
  const { panel, context, sources: texts } = await setUp(...cells);
  const tracker = {
    find: (test: (panel: NotebookPanel) => boolean) =>
      [panel].find(test) as NotebookPanel | undefined
  } as INotebookTracker;
  const asked: (string | Wish)[][] = [];
  const edits: IFastgenEdits = {
    edit: (_, ...asking) => asked.push(['edit', ...asking]),
    compare: (_, ...asking) => asked.push(['compare', ...asking])
  };
  const actions = new Actions(tracker, edits, async job => {
    asked.push(['stop', job]);
  });
  const undo = () => context.model.sharedModel.undo();
  return { panel, tracker, actions, asked, texts, undo };
}

/** What can be done where there is neither a notebook nor a review. */
export function alone(tracker: INotebookTracker | null = null): Actions {
  return new Actions(tracker, null, async () => undefined);
}

/** A view of an answer on the page, in `host`, and what a person would notice. */
export function viewed(
  traits: Partial<ITraits>,
  text: string,
  host: Node,
  actions = alone()
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
