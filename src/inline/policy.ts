import type { CellType, Trigger } from '../client/protocol';

/** When suggestions are wanted: the person's settings. */
export interface IPreferences {
  /** Whether there are suggestions at all. */
  readonly enabled: boolean;
  /** Whether typing asks for them, or only the command does. */
  readonly whileTyping: boolean;
  /** Whether Markdown and raw cells get them while typing. */
  readonly inProse: boolean;
  /** Languages, in lower case, that get none. */
  readonly disabledLanguages: readonly string[];
  /** Whether the code of the next cell is suggested when a cell has run. */
  readonly suggestNextCell: boolean;
  /** Whether live kernels may be looked at. */
  readonly useKernel: boolean;
  /** Whether new suggestions are announced to screen readers. */
  readonly announce: boolean;
}

/** What the editor is doing when a suggestion might be asked for. */
export interface ISituation {
  readonly trigger: Trigger;
  readonly cellType: CellType;
  readonly language: string;
  readonly readOnly: boolean;
  readonly selecting: boolean;
  readonly composing: boolean;
  /** Whether changes of the text wait to be accepted. */
  readonly reviewing: boolean;
  /** Whether the list of the other completer is open and has precedence. */
  readonly listOpen: boolean;
}

/** Why no suggestion is asked for. */
export type Refusal =
  | 'disabled'
  | 'unreachable'
  | 'by-command'
  | 'language'
  | 'prose'
  | 'read-only'
  | 'selection'
  | 'composition'
  | 'review'
  | 'list';

/** Refusals of a new request that leave a suggestion already there alone. */
const GENTLE: ReadonlySet<Refusal> = new Set([
  'by-command',
  'language',
  'prose'
]);

/** Whether a suggestion that was asked for by command may be typed through. */
export function mayContinue(reason: Refusal): boolean {
  return GENTLE.has(reason);
}

/** Whether a text is one in which suggestions are wanted while typing. */
export function isWelcome(
  place: Pick<ISituation, 'cellType' | 'language'>,
  wanted: IPreferences
): boolean {
  return (
    wanted.enabled &&
    wanted.whileTyping &&
    (place.cellType === 'code' || wanted.inProse) &&
    !wanted.disabledLanguages.includes(place.language)
  );
}

/**
 * Why nothing should be asked for now, or `null` if it should. A person's own
 * command is honoured where typing alone would ask for nothing.
 */
export function refusal(now: ISituation, wanted: IPreferences): Refusal | null {
  const typed = now.trigger === 'auto';
  const reasons: [boolean, Refusal][] = [
    [!wanted.enabled, 'disabled'],
    [now.readOnly, 'read-only'],
    [now.selecting, 'selection'],
    [now.composing, 'composition'],
    [now.reviewing, 'review'],
    [now.listOpen, 'list'],
    [typed && wanted.disabledLanguages.includes(now.language), 'language'],
    [typed && !wanted.whileTyping, 'by-command'],
    [typed && now.cellType !== 'code' && !wanted.inProse, 'prose']
  ];
  return reasons.find(([applies]) => applies)?.[1] ?? null;
}

/**
 * Where the code that follows a cell which has run is suggested: in a cell that
 * is yet to be made, in the empty one that follows, or nowhere.
 *
 * @param following - the cell below the one that has run, if there is one
 * @param language - that of the notebook's code, in lower case
 */
export function nextPlace(
  following: { readonly type: CellType; readonly source: string } | undefined,
  language: string,
  wanted: IPreferences
): 'new' | 'following' | null {
  if (
    !wanted.suggestNextCell ||
    !isWelcome({ cellType: 'code', language }, wanted)
  ) {
    return null;
  }
  if (!following) {
    return 'new';
  }
  const isFree = following.type === 'code' && following.source.trim() === '';
  return isFree ? 'following' : null;
}
