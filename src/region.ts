/** Milliseconds the region stays empty, so that the same sentence is news again. */
export const EMPTY_MS = 100;

/** A polite live region: what is put into it screen readers say, and nobody sees it. */
export function liveRegion(): HTMLElement {
  const region = document.createElement('div');
  region.className = 'jp-fastgen-Announcer';
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
