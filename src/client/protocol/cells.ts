/** Cells, as all messages carry them. */

/** What a cell holds. */
export type CellType = 'code' | 'markdown' | 'raw';

/** One cell; a plain text file is a document of one code cell. */
export interface ICell {
  readonly id: string;
  readonly type: CellType;
  readonly source: string;
  readonly ran: Ran;
}

/** How the code of a cell ran as it stands; '' if it did not. */
export type Ran = '' | 'ok' | 'error';
