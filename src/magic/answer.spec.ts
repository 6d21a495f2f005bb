import { Answer, Order } from './answer';

/** An answer that is being written, and what it and the person have said. */
function setUp(traits = {}, text = '') {
  const told: Order[] = [];
  const answer = new Answer(traits, text, order => told.push(order));
  const pieces: (string | null)[] = [];
  answer.grown.connect((_, piece) => pieces.push(piece));
  let changes = 0;
  answer.changed.connect(() => changes++);
  return { answer, told, pieces, changes: () => changes };
}

it('grows by pieces, begins anew, and tells which', () => {
  const { answer, pieces } = setUp();
  answer.receive({ t: 'a = ' });
  answer.receive({ t: '1\n' });
  expect(answer.text).toBe('a = 1\n');
  answer.receive({ clear: true });
  answer.receive({ t: 'b' });
  expect(answer.text).toBe('b');
  expect(pieces).toEqual(['a = ', '1\n', null, 'b']);
});

it('takes a whole text in the place of its own, once', () => {
  const { answer, pieces } = setUp({}, 'a = ');
  answer.replace('a = 1');
  answer.replace('a = 1');
  expect(answer.text).toBe('a = 1');
  expect(pieces).toEqual([null]);
});

it('holds nothing that looks other than it is', () => {
  const { answer, pieces } = setUp({}, 'a\u202eb');
  answer.receive({ t: 'c\u200bd' });
  expect(answer.text).toBe('abcd');
  expect(pieces).toEqual(['cd']);
});

it('ignores messages that it does not know', () => {
  const { answer, pieces } = setUp();
  answer.receive({});
  answer.receive({ t: 1 });
  expect(answer.text).toBe('');
  expect(pieces).toEqual([]);
});

it('keeps what the kernel has said before, and is running until it ends', () => {
  const { answer, changes } = setUp({ prompt: 'sort it' });
  expect(answer.isRunning).toBe(true);
  answer.update({ phase: 'writing' });
  answer.update({ phase: 'done', tokens: 3 });
  expect(answer.traits).toMatchObject({
    prompt: 'sort it',
    phase: 'done',
    tokens: 3
  });
  expect(answer.isRunning).toBe(false);
  expect(changes()).toBe(2);
});

it('keeps its text when the kernel goes, and says that it was cut off', () => {
  const { answer, told } = setUp({ phase: 'writing' }, 'a = ');
  answer.tell({ do: 'stop' });
  answer.disconnect();
  answer.tell({ do: 'stop' });
  expect(told).toEqual([{ do: 'stop' }]);
  expect(answer.text).toBe('a = ');
  expect([answer.isRunning, answer.isCutOff]).toEqual([false, true]);
});

it('notices that a kernel is gone when it cannot be told', () => {
  const answer = new Answer({ phase: 'done' }, 'a', () => {
    throw new Error('The kernel is dead');
  });
  answer.tell({ do: 'retry', prompt: 'b' });
  expect([answer.isConnected, answer.isCutOff]).toEqual([false, false]);
});

it('begins an edit once, when it is due, and only where it was asked for', () => {
  const edit = { target: 'c1', prompt: 'faster' };
  const fresh = new Answer({ ...edit, phase: 'queued' }, '', () => {}, true);
  expect(fresh.begin()).toBe(false);
  fresh.update({ phase: 'done' });
  expect([fresh.begin(), fresh.begin()]).toEqual([true, false]);
  const restored = new Answer({ ...edit, phase: 'done' }, '', () => {}, false);
  expect(restored.begin()).toBe(false);
});
