import type { CellType } from '../client/protocol';

/**
 * What became of a hunk: it waits for the person, stands in the document, or was
 * turned down. `lost`: the document changed where it was to go.
 */
export type Status = 'pending' | 'accepted' | 'rejected' | 'lost';

/** What all hunks have. */
interface IAnyHunk {
  /** Its cell; for a cell to be inserted the one before it, '' is the top. */
  readonly cell: string;
  /** The block around it, '' if it has none. */
  readonly label: string;
  /** Sentences that say why it needs a look; it is accepted by itself only. */
  readonly reasons: readonly string[];
  /** Whether it may yet change, because the answer is still being written. */
  readonly isProvisional: boolean;
  status: Status;
  /** Number of the acceptance it was part of, 0 before the first. */
  step: number;
}

/** Lines of a cell that become other lines; of both there may be none. */
export interface ILinesHunk extends IAnyHunk {
  readonly kind: 'lines';
  /** Without ends. */
  readonly old: readonly string[];
  readonly fresh: readonly string[];
  /** What comes instead if the old lines stay; only where it is doubtful that they go. */
  readonly other?: readonly string[];
  /** How the fresh lines end. */
  readonly eol: string;
  /** The line at which it stands in the text as it is. */
  start: number;
}

/** A cell that comes, goes or moves. */
export interface ICellHunk extends IAnyHunk {
  readonly kind: 'insert' | 'remove' | 'move';
  /** Of a cell to be inserted. */
  readonly type: CellType;
  readonly text: string;
  /** Id of a cell to be inserted. */
  readonly made: string;
  /** The cell behind which it moves, '' is the top. */
  readonly after: string;
  /** By what a person knows that one. */
  readonly afterHead: string;
  /** The cells in their order before it was accepted. */
  before: readonly string[];
}

/** One change to accept or reject. */
export type Hunk = ILinesHunk | ICellHunk;

/** Whether it can be accepted together with others, unseen. */
export function isSafe(hunk: Hunk): boolean {
  return hunk.reasons.length === 0;
}
