import type { INotebookModel } from '@jupyterlab/notebook';
import { cleanTraceback, deepestCell } from './traceback';

type SharedNotebook = INotebookModel['sharedModel'];

/** A cell that has failed, and where the error is to be mended. */
export interface IFailure {
  /** The end of the traceback. */
  readonly error: string;
  /** The cell in which the deepest frame of the notebook is. */
  readonly cause: string;
  /** What is to run again once it is mended, in order. */
  readonly rerun: readonly string[];
}

/** How a cell has failed, `null` if its output holds no error. */
export function failureOf(
  notebook: SharedNotebook,
  id: string
): IFailure | null {
  const cell = notebook.cells.find(cell => cell.getId() === id);
  if (!cell || !('getOutputs' in cell)) {
    return null;
  }
  const output = cell
    .getOutputs()
    .find(({ output_type }) => output_type === 'error');
  if (!output) {
    return null;
  }
  const { traceback, ename, evalue } = output as {
    readonly traceback?: readonly string[];
    readonly ename?: string;
    readonly evalue?: string;
  };
  const error = cleanTraceback(
    traceback?.length ? traceback : [`${ename}: ${evalue}`]
  );
  const number = deepestCell(error);
  const origin = notebook.cells.find(
    other => 'getOutputs' in other && other.execution_count === number
  );
  const cause = number !== null && origin ? origin.getId() : id;
  const rerun = notebook.cells
    .map(cell => cell.getId())
    .filter(known => known === cause || known === id);
  return { error, cause, rerun };
}
