/**
 * Loads a view's page again when it does not come up. VS Code in a browser can lose the answer to a page's request for its
 * script while one view's service worker replaces another's (the answer goes to the new worker, the old one waits for it
 * for 30 s): the page then stays empty. Loaded once more, it comes.
 */

/** Wait before the first new load; doubles each time, for slow remote connections that were only slow. */
const FIRST_WAIT_MS = 5000;

/** New loads before the page is left to itself: 5, 10 and 20 s are enough for anything that will come at all. */
const MAX_RELOADS = 3;

export class LoadWatch {
  private timer: NodeJS.Timeout | undefined;
  private reloads = 0;

  /** @param reload loads the page again; returns false where it is not shown and will load by itself when it is */
  constructor(
    private readonly reload: () => boolean,
    private readonly firstWaitMs = FIRST_WAIT_MS,
  ) {}

  /** The page begins to load. */
  started(): void {
    this.reloads = 0;
    this.wait();
  }

  /** The page has asked for its first data, or is gone. */
  ended(): void {
    clearTimeout(this.timer);
  }

  private wait(): void {
    clearTimeout(this.timer);
    if (this.reloads >= MAX_RELOADS) return;
    this.timer = setTimeout(
      () => {
        this.reloads += 1;
        if (this.reload()) this.wait();
      },
      this.firstWaitMs * 2 ** this.reloads,
    );
  }
}
