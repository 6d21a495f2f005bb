import { KeptReviews, MOST_UNITS } from './kept';
import type { ISavedReview } from './review';

/** A review of one text. */
function reviewOf(text: string): ISavedReview {
  return { texts: [{ id: 'one', text, hunks: [] }], cells: [] };
}

const SMALL = reviewOf('a\nb');
const LARGE = reviewOf('a'.repeat(MOST_UNITS));

beforeEach(() => window.sessionStorage.clear());

it('outlives the page, by document', () => {
  const first = new KeptReviews(window.sessionStorage);
  first.set('one', SMALL);
  first.flush();
  const later = new KeptReviews(window.sessionStorage);
  expect(later.get('one')).toEqual(SMALL);
  expect(later.get('two')).toBeNull();
  later.set('one', null);
  later.flush();
  expect(new KeptReviews(window.sessionStorage).get('one')).toBeNull();
});

it('is kept by the page alone where it is large, and nothing older by the tab', () => {
  const kept = new KeptReviews(window.sessionStorage);
  kept.set('one', SMALL);
  kept.flush();
  kept.set('one', LARGE);
  kept.flush();
  expect(kept.get('one')).toEqual(LARGE);
  expect(new KeptReviews(window.sessionStorage).get('one')).toBeNull();
});

it('is kept by the page alone where the tab has no room', () => {
  const full = {
    getItem: () => null,
    setItem: () => {
      throw new DOMException('', 'QuotaExceededError');
    },
    removeItem: () => undefined
  };
  const kept = new KeptReviews(full);
  kept.set('one', SMALL);
  kept.flush();
  expect(kept.get('one')).toEqual(SMALL);
});

it('tells the tab once of many changes, and soon', () => {
  jest.useFakeTimers();
  const write = jest.fn();
  const kept = new KeptReviews({
    getItem: () => null,
    setItem: write,
    removeItem: () => undefined
  });
  for (const text of ['a', 'ab', 'abc']) {
    kept.set('one', reviewOf(text));
  }
  expect(write).not.toHaveBeenCalled();
  jest.advanceTimersByTime(1000);
  expect(write).toHaveBeenCalledTimes(1);
  expect(write.mock.calls[0][1]).toContain('abc');
  jest.useRealTimers();
});
