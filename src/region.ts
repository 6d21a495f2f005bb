/** Milliseconds the region stays empty, so that the same sentence is news again. */
export const EMPTY_MS = 100;

const CLASS = 'jp-fastgen-Announcer';

/**
 * The page's polite live region: what is put into it screen readers say, and
 * nobody sees it. There is one, as two would talk at the same time.
 */
export function liveRegion(): HTMLElement {
  const known = document.querySelector<HTMLElement>(`.${CLASS}`);
  if (known) {
    return known;
  }
  const region = document.createElement('div');
  region.className = CLASS;
  region.setAttribute('role', 'status');
  region.setAttribute('aria-live', 'polite');
  document.body.appendChild(region);
  return region;
}

/** Gives a function that makes screen readers say a sentence, also if it was the last one. */
export function speaker(): (sentence: string) => void {
  const region = liveRegion();
  let timer: ReturnType<typeof setTimeout> | undefined;
  return sentence => {
    clearTimeout(timer);
    region.textContent = '';
    timer = setTimeout(() => (region.textContent = sentence), EMPTY_MS);
  };
}
