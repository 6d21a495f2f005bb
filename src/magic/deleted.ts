import { NotebookActions } from '@jupyterlab/notebook';

/**
 * Corrects what kernels are told of deleted cells: JupyterLab counts those among
 * them that an undo or a paste has brought back.
 */
export function correctDeleted(): void {
  NotebookActions.executionScheduled.connect((_, { notebook: { model } }) => {
    const deleted = model?.deletedCells ?? [];
    const present = new Set([...(model?.cells ?? [])].map(({ id }) => id));
    const gone = deleted.filter(id => !present.has(id));
    // The list itself is what goes to the kernel.
    deleted.splice(0, deleted.length, ...gone);
  });
}
