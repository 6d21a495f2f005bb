import type {
  FromBrowser,
  FromServer,
  IChunk,
  ICounts,
  IDone,
  IFault,
  IHunk,
  IHunks,
  IProgress,
  IRules,
  IStatus,
  IWelcome
} from './protocol';

/** Bytes of the largest frame the server takes. */
export const MAX_FRAME = 4 * 1024 * 1024;

const NO_COUNTS: ICounts = {
  prompt_tokens: 0,
  cached_tokens: 0,
  new_tokens: 0,
  queue_ms: 0,
  prefill_ms: 0,
  decode_ms: 0,
  first_ms: null,
  drafted_tokens: 0,
  accepted_tokens: 0
};

/** What of a hunk may be left out. */
export const NO_HUNK: IHunk = {
  cell: '',
  start: 0,
  end: 0,
  new: [],
  kind: 'lines',
  type: 'code',
  after: '',
  label: '',
  reasons: []
};

const NO_PROGRESS = {
  fraction: null,
  lines: 0,
  cell: '',
  line: 0,
  place: 0
};

/** What holds where the server says nothing. */
export const NO_RULES: IRules = { type: 'rules', features: {}, courses: {} };

const NO_STATUS = {
  model: '',
  engine: '',
  progress: null,
  detail: '',
  remedy: '',
  where: '',
  remote: ''
};

/**
 * The engine's state from the JSON of a `status` message or of the REST status,
 * whose `type` may be absent.
 */
export function toStatus(raw: Partial<IStatus>): IStatus {
  return { ...NO_STATUS, state: 'error', ...raw, type: 'status' };
}

/**
 * One frame of the server with its defaults filled in, or `null` if it is not
 * of this protocol: a newer server may say more than we know.
 */
export function decode(frame: string): FromServer | null {
  let raw: { type?: string };
  try {
    raw = JSON.parse(frame);
  } catch {
    return null;
  }
  switch (raw?.type) {
    case 'welcome': {
      const welcome = raw as IWelcome;
      const actions = welcome.actions ?? [];
      return {
        ...welcome,
        actions: actions.map(action => ({
          ...action,
          needs: action.needs ?? ''
        })),
        rules: { ...NO_RULES, ...welcome.rules }
      };
    }
    case 'rules':
      return { ...NO_RULES, ...(raw as IRules) };
    case 'progress':
      return { ...NO_PROGRESS, ...(raw as IProgress) };
    case 'hunks': {
      const { id, hunks, final } = raw as IHunks;
      return {
        type: 'hunks',
        id,
        hunks: hunks.map(hunk => ({ ...NO_HUNK, ...hunk })),
        final: final ?? false
      };
    }
    case 'alternative':
    case 'resync':
    case 'hint':
    case 'budget':
      return raw as FromServer;
    case 'chunk':
      return { ...(raw as IChunk), block: (raw as IChunk).block ?? false };
    case 'status':
      return toStatus(raw as Partial<IStatus>);
    case 'done': {
      const done = raw as IDone;
      const counts = done.counts ? { ...NO_COUNTS, ...done.counts } : null;
      return { ...done, why: done.why ?? '', by: done.by ?? '', counts };
    }
    case 'fault':
      return { ...(raw as IFault), fatal: (raw as IFault).fatal ?? false };
    default:
      return null;
  }
}

/** The text frame of a message, or `null` if it is larger than the server takes. */
export function encode(message: FromBrowser): string | null {
  const frame = JSON.stringify(message);
  // A UTF-16 unit takes at most 3 bytes, so nearly every frame needs no count.
  if (
    frame.length * 3 > MAX_FRAME &&
    new TextEncoder().encode(frame).length > MAX_FRAME
  ) {
    return null;
  }
  return frame;
}
