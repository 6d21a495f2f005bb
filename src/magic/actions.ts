import type { Cell, ICodeCellModel } from '@jupyterlab/cells';
import {
  INotebookTracker,
  NotebookActions,
  NotebookPanel
} from '@jupyterlab/notebook';
import { asOneStep } from '../diff/target';
import type { IFastgenEdits } from '../tokens';
import type { Answer, ITraits } from './answer';

/** Where an answer is shown: in the output of this cell. */
export interface IPlace {
  readonly panel: NotebookPanel;
  readonly cell: Cell;
}

/** A cell that holds nothing but a call of the magic. */
const MAGIC = /^\s*(%%fastgen\b|%fastgen\b[^\n]*\s*$)/;

/** What a person does with an answer in the page, also while the kernel computes. */
export class Actions {
  /**
   * @param edits - shows changes; without it nothing that is there is changed
   * @param stopJob - asks the server to end a request of a kernel
   */
  constructor(
    private readonly notebooks: INotebookTracker | null,
    private readonly edits: IFastgenEdits | null,
    private readonly stopJob: (job: string) => Promise<void>
  ) {}

  /**
   * Ends an answer. The server is told as well: a kernel that computes hears
   * nothing, and an engine of the kernel's own is known to that alone.
   */
  async stop(answer: Answer): Promise<void> {
    answer.tell({ do: 'stop' });
    const { job } = answer.traits;
    if (job) {
      await this.stopJob(job);
    }
  }

  /** Where a node is shown; `null` if that is no notebook that may be changed. */
  placeOf(node: Node): IPlace | null {
    const panel = this.notebooks?.find(panel => panel.node.contains(node));
    const cell = panel?.content.widgets.find(cell => cell.node.contains(node));
    return panel && cell && !panel.content.model?.readOnly
      ? { panel, cell }
      : null;
  }

  /** Whether the cell may become the answer. */
  canReplace({ cell }: IPlace): boolean {
    return this.edits !== null && isEditable(cell);
  }

  /** Whether there is a cell below that the answer can be compared with. */
  canCompare(place: IPlace): boolean {
    const below = cellBelow(place);
    return (
      this.edits !== null && below?.model.type === 'code' && isEditable(below)
    );
  }

  /** Whether an edit of a cell can be begun. */
  canEdit({ panel }: IPlace, target: string): boolean {
    const cell = panel.content.widgets.find(({ model }) => model.id === target);
    return this.edits !== null && !!cell && isEditable(cell);
  }

  /** Puts the answer into a cell of its own, unless it is the one below. */
  async insert(place: IPlace, text: string): Promise<Cell> {
    const { content } = place.panel;
    const { sharedModel } = content.model!;
    const index = content.widgets.indexOf(place.cell) + 1;
    if (cellBelow(place)?.model.sharedModel.getSource() !== text) {
      asOneStep(sharedModel, [], () =>
        sharedModel.insertCell(index, {
          cell_type: 'code',
          source: text,
          // As that of an empty cell that the person makes.
          metadata: { trusted: true }
        })
      );
    }
    content.mode = 'command';
    content.activeCellIndex = index;
    // Its promise is rejected when something else scrolls meanwhile.
    await content.scrollToItem(index).catch(() => undefined);
    content.activate();
    return content.widgets[index];
  }

  /** Puts the answer into a cell below, and runs that. */
  async insertAndRun(place: IPlace, text: string): Promise<void> {
    const { content, sessionContext } = place.panel;
    const cell = await this.insert(place, text);
    await NotebookActions.runCells(content, [cell], sessionContext);
  }

  /**
   * Puts the answer in the place of the call of the magic. Of a cell that holds
   * anything else it only shows what would change.
   */
  replace({ panel, cell }: IPlace, text: string): void {
    const { sharedModel } = cell.model;
    const isChanged = (cell.model as ICodeCellModel).isDirty;
    if (isChanged || !MAGIC.test(sharedModel.getSource())) {
      this.edits?.compare(panel, cell.model.id, text);
      return;
    }
    asOneStep(panel.content.model!.sharedModel, [sharedModel], () =>
      sharedModel.setSource(text)
    );
  }

  /** Shows what the cell below would become. */
  compare(place: IPlace, text: string): void {
    this.edits?.compare(place.panel, cellBelow(place)!.model.id, text);
  }

  /** Asks for the edit of a cell that an answer stands for; its changes wait there. */
  edit({ panel }: IPlace, { target, wish, prompt }: ITraits): void {
    this.edits?.edit(panel, target, wish, prompt);
  }
}

function cellBelow({ panel, cell }: IPlace): Cell | undefined {
  const { widgets } = panel.content;
  return widgets[widgets.indexOf(cell) + 1];
}

function isEditable({ model }: Cell): boolean {
  return model.getMetadata('editable') !== false;
}
