/**
 * News of a running inspection on its way to a view, gathered over a moment. Small layers are done by the hundred a
 * second, each with a dozen messages: one by one they would queue up before what a person does, a cancel above all.
 */
import type { ViewNotifications } from '../../protocol';
import type { QuickLook } from '../../shared/estimates';
import type { LayerResult } from '../../shared/layers';

/**
 * What comes after a pause is sent at once; then at most as often as people read numbers, because each message redraws
 * the page.
 */
const MOMENT_MS = 200;

type News = 'results' | 'quick' | 'queue' | 'progress';

export class Outbox {
  private results: LayerResult[] = [];
  private looks: QuickLook[] = [];
  private latestQueue: ViewNotifications['queue'] | undefined;
  /** By layer; of a layer that is done there is none. */
  private readonly latestProgress = new Map<string, ViewNotifications['progress']>();
  private timer: NodeJS.Timeout | undefined;
  private lastSent = -Infinity;

  constructor(
    private readonly send: <K extends News>(name: K, params: ViewNotifications[K]) => void,
    private readonly momentMs = MOMENT_MS,
  ) {}

  result(result: LayerResult): void {
    this.results.push(result);
    this.latestProgress.delete(result.name);
    this.schedule();
  }

  quick(look: QuickLook): void {
    this.looks.push(look);
    this.latestProgress.delete(look.layer);
    this.schedule();
  }

  queue(queue: ViewNotifications['queue']): void {
    this.latestQueue = queue;
    this.schedule();
  }

  progress(progress: ViewNotifications['progress']): void {
    this.latestProgress.set(progress.name, progress);
    this.schedule();
  }

  dispose(): void {
    clearTimeout(this.timer);
  }

  private schedule(): void {
    const wait = Math.max(0, this.lastSent + this.momentMs - performance.now());
    this.timer ??= setTimeout(() => this.flush(), wait);
  }

  private flush(): void {
    this.timer = undefined;
    this.lastSent = performance.now();
    const { results, looks, latestQueue, latestProgress } = this;
    this.results = [];
    this.looks = [];
    this.latestQueue = undefined;
    // A result comes after the look that it replaces.
    if (looks.length > 0) this.send('quick', looks);
    if (results.length > 0) this.send('results', results);
    if (latestQueue) this.send('queue', latestQueue);
    for (const progress of latestProgress.values()) {
      // What was cancelled meanwhile is in work no more.
      if (!latestQueue || latestQueue.active.includes(progress.name)) this.send('progress', progress);
    }
    latestProgress.clear();
  }
}
