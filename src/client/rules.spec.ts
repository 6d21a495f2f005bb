import { Signal } from '@lumino/signaling';
import type { IPreferences } from '../inline/policy';
import { NO_RULES } from './frames';
import type { IRules } from './protocol';
import { ownRules, Rules, UNSAID } from './rules';
import type { Socket } from './socket';

const WANTED: IPreferences = {
  enabled: true,
  whileTyping: false,
  inProse: false,
  disabledLanguages: [],
  suggestNextCell: true,
  useKernel: true,
  announce: true
};

function setUp(said: Partial<IRules> = {}) {
  const socket = {
    rules: { ...NO_RULES, ...said },
    message: new Signal<object, { type: string }>({})
  };
  const rules = new Rules(socket as unknown as Socket, { __: text => text });
  return { socket, rules };
}

const off = { on: false, why: 'the administrator turned it off' };
const on = { on: true, why: 'the administrator turned it on' };
const cs = { enabled: true, course: 'cs' };

describe('ownRules', () => {
  it.each([
    [{}, UNSAID],
    [{ metadata: {} }, UNSAID],
    [{ metadata: { fastgen: null } }, UNSAID],
    [{ metadata: { fastgen: 'off' } }, UNSAID],
    [{ metadata: { fastgen: { enabled: 0, course: 3 } } }, UNSAID],
    [
      { metadata: { fastgen: { enabled: false, course: 'cs' } } },
      { enabled: false, course: 'cs' }
    ]
  ])('reads %p', (shared, own) => {
    expect(ownRules(shared)).toEqual(own);
  });
});

describe('Rules', () => {
  it('leaves to the person what nobody speaks of', () => {
    const { rules } = setUp();
    expect(rules.verdict('edits', cs)).toBeNull();
    expect(rules.whyOff('edits', cs)).toBe('');
    expect(rules.preferences(WANTED, cs)).toEqual(WANTED);
  });

  it('goes before the settings, to turn off and on', () => {
    const { rules } = setUp({
      features: { suggestions: off, automatic: on, kernel_context: off }
    });
    expect(rules.preferences(WANTED, UNSAID)).toEqual({
      ...WANTED,
      enabled: false,
      whileTyping: true,
      useKernel: false
    });
    expect(rules.whyOff('suggestions', UNSAID)).toBe(off.why);
    expect(rules.whyOff('automatic', UNSAID)).toBe('');
  });

  it('takes away what a course or a notebook turns off, and never gives', () => {
    const why = 'it is off in the course cs';
    const { rules } = setUp({
      features: { edits: off, automatic: on },
      courses: { cs: { suggestions: why, automatic: why } }
    });
    expect(rules.verdict('suggestions', cs)).toEqual({ on: false, why });
    expect(rules.verdict('automatic', cs)).toEqual({ on: false, why });
    expect(rules.verdict('edits', cs)).toEqual(off);
    expect(rules.verdict('suggestions', UNSAID)).toBeNull();
    const gone = { enabled: false, course: '' };
    expect(rules.whyOff('automatic', gone)).toContain('fastgen.enabled');
    expect(rules.whyOff('edits', gone)).toBe(off.why);
  });

  it('knows no course by the name of what every object has', () => {
    const { rules } = setUp();
    for (const course of ['constructor', '__proto__', 'toString']) {
      expect(rules.verdict('edits', { enabled: true, course })).toBeNull();
    }
  });

  it('tells when the server may have said something else', () => {
    const { socket, rules } = setUp();
    let changes = 0;
    rules.changed.connect(() => changes++);
    for (const type of ['status', 'welcome', 'rules', 'chunk']) {
      socket.message.emit({ type });
    }
    expect(changes).toBe(2);
  });
});
