import type { INotebookModel } from '@jupyterlab/notebook';
import { ISignal, Signal } from '@lumino/signaling';
import type { IPreferences } from '../inline/policy';
import type { Feature, IOwnRules, IVerdict } from './protocol';
import type { Socket } from './socket';

/** What is said where there is no notebook. */
export const UNSAID: IOwnRules = { enabled: true, course: '' };

/** All features, in the order in which they are shown. */
export const FEATURES: readonly Feature[] = [
  'suggestions',
  'automatic',
  'next_cell',
  'edits',
  'generate',
  'kernel_context',
  'remote'
];

/** The settings that a rule goes before. */
const SETTINGS: readonly [Feature, keyof IPreferences][] = [
  ['suggestions', 'enabled'],
  ['automatic', 'whileTyping'],
  ['next_cell', 'suggestNextCell'],
  ['kernel_context', 'useKernel']
];

/** What the metadata of a document say of us; of a text file nothing is said. */
export function ownRules(shared: object): IOwnRules {
  const { metadata } = shared as Partial<INotebookModel['sharedModel']>;
  const said = metadata?.fastgen as
    { readonly enabled?: unknown; readonly course?: unknown } | undefined;
  return {
    enabled: said?.enabled !== false,
    course: typeof said?.course === 'string' ? said.course : ''
  };
}

/** What is not the person's to decide: the server says it, or a notebook's own metadata. */
export class Rules {
  /**
   * @param socket - brings what the server says
   * @param trans - translates
   */
  constructor(
    private readonly socket: Socket,
    private readonly trans: { __(text: string): string }
  ) {
    socket.message.connect((_, { type }) => {
      if (type === 'welcome' || type === 'rules') {
        this._changed.emit();
      }
    });
  }

  /** Emitted when the server may have said something else. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Whether a feature is on or off, and who says so; `null` if the person decides. */
  verdict(feature: Feature, own: IOwnRules): IVerdict | null {
    const { features, courses } = this.socket.rules;
    const general = features[feature];
    if (general && !general.on) {
      return general;
    }
    const inCourse = courses[own.course]?.[feature];
    if (inCourse) {
      return { on: false, why: inCourse };
    }
    if (!own.enabled) {
      const why = this.trans.__(
        "the notebook's metadata turns it off (fastgen.enabled)"
      );
      return { on: false, why };
    }
    return general ?? null;
  }

  /** Why a feature is off whatever the person wants; '' if it is not. */
  whyOff(feature: Feature, own: IOwnRules): string {
    const verdict = this.verdict(feature, own);
    return verdict && !verdict.on ? verdict.why : '';
  }

  /** The settings as they hold. */
  preferences(wanted: IPreferences, own: IOwnRules): IPreferences {
    const ruled = SETTINGS.flatMap(([feature, setting]) => {
      const verdict = this.verdict(feature, own);
      return verdict ? [[setting, verdict.on]] : [];
    });
    return { ...wanted, ...Object.fromEntries(ruled) };
  }

  private readonly _changed = new Signal<this, void>(this);
}
