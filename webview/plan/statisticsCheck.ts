/**
 * Tries the statistics of the layers that a plan compresses, as its run will use them: a matrix that is no Gram matrix is
 * told while a person plans. One layer at a time, in the engine.
 */
import { CancellationTokenSource } from 'vscode-jsonrpc/browser';
import type { GramUse, RefusedUses } from '../../extension/shared/compression/methodNeeds';
import type { StatisticsSummary } from '../../extension/shared/compression/statistics';
import { l10n } from '../../extension/shared/language/l10n';
import { problemOf } from '../../extension/shared/rpc';
import type { Host } from '../connection';
import { element } from '../controls/elements';
import { formatCount, counted } from '../numbers/format';
import { banner } from '../overview/banners';

/** A slider that moves changes which layers are compressed. */
const REST_MS = 350;

export class StatisticsCheck {
  readonly element: HTMLElement;
  /** By layer and use, why its statistics cannot be used so. */
  refused: RefusedUses = {};
  private readonly progress = element('p', { class: 'muted statistics-check', hidden: true });
  private readonly problems = element('div', { role: 'status' });
  /** Pairs of a layer and a use that were tried, as `keyOf` has them. */
  private tried = new Set<string>();
  private wanted: readonly [layer: string, use: GramUse][] = [];
  private statistics: StatisticsSummary | null = null;
  private source = new CancellationTokenSource();
  private running = false;
  private failed = false;
  private rest = 0;

  /** @param onRefused `refused` says more than before */
  constructor(
    private readonly host: Host,
    private readonly onRefused: () => void,
  ) {
    this.element = element('div', {}, this.progress, this.problems);
  }

  /** Other statistics are in use, or none: nothing is known of them. */
  use(statistics: StatisticsSummary | null): void {
    this.source.cancel();
    this.source = new CancellationTokenSource();
    this.statistics = statistics;
    this.tried = new Set();
    this.refused = {};
    this.wanted = [];
    this.running = false;
    this.failed = false;
    this.draw();
  }

  /** @param uses of the layers that the plan compresses */
  want(uses: ReadonlyMap<string, GramUse>): void {
    const covered = new Set(this.statistics?.covered.map(({ layer }) => layer));
    this.wanted = [...uses].filter(([layer]) => covered.has(layer));
    this.draw();
    if (this.running || this.failed || !this.next()) return;
    clearTimeout(this.rest);
    this.rest = window.setTimeout(() => void this.tryAll(), REST_MS);
  }

  private next(): [layer: string, use: GramUse] | undefined {
    return this.wanted.find(([layer, use]) => !this.tried.has(keyOf(layer, use)));
  }

  private async tryAll(): Promise<void> {
    const { source, statistics } = this;
    if (this.running || !statistics) return;
    this.running = true;
    try {
      for (let next = this.next(); next; next = this.next()) {
        const [layer, use] = next;
        const params = { path: statistics.path, layer, use };
        const why = await this.host.request('tryStatistics', params, source.token);
        if (source.token.isCancellationRequested) return;
        this.tried.add(keyOf(layer, use));
        if (why !== null) {
          this.refused = { ...this.refused, [layer]: { ...this.refused[layer], [use]: why } };
          this.onRefused();
        }
        this.draw();
      }
    } catch (error) {
      if (source.token.isCancellationRequested) return;
      this.failed = true;
      this.problems.replaceChildren(
        banner('warning', l10n.t('The statistics could not be tried: {0}', l10n.known(problemOf(error).message)), null),
      );
    } finally {
      if (this.source === source) this.running = false;
    }
  }

  private draw(): void {
    const left = this.wanted.filter(([layer, use]) => !this.tried.has(keyOf(layer, use))).length;
    this.progress.hidden = left === 0 || this.failed;
    const done = l10n.t('{0} of {1}', formatCount(this.wanted.length - left), counted('layers', this.wanted.length));
    this.progress.textContent = l10n.t('Trying the statistics as a run will use them: {0}.', done);
    if (this.failed) return;
    const text = problemText(this.refused);
    if (this.problems.textContent === text) return;
    this.problems.replaceChildren(...(text === '' ? [] : [banner('warning', text, null)]));
  }
}

function problemText(refused: RefusedUses): string {
  const layers = Object.entries(refused);
  const [first] = layers;
  if (!first) return '';
  const [layer, uses] = first;
  const why = l10n.known(Object.values(uses)[0] ?? '');
  return l10n.many(
    layers.length,
    '1 layer has statistics that cannot be used, and no method that needs them. {1}: {2}.',
    '{0} layers have statistics that cannot be used, and no method that needs them. The first is {1}: {2}.',
    formatCount(layers.length),
    layer,
    why,
  );
}

function keyOf(layer: string, use: GramUse): string {
  return JSON.stringify([layer, use]);
}
