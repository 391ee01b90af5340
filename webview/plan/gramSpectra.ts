/**
 * What the allocation `optimal-gram` goes by: the spectra of layers under the Gram matrices of their inputs. The engine
 * computes them one layer at a time, once that allocation is chosen.
 */
import { CancellationTokenSource } from 'vscode-jsonrpc/browser';
import type { PlanLayer } from '../../extension/shared/compression/plans';
import type { StatisticsSummary } from '../../extension/shared/compression/statistics';
import { l10n } from '../../extension/shared/language/l10n';
import { problemOf } from '../../extension/shared/rpc';
import type { Host } from '../connection';
import { element } from '../controls/elements';
import { counted, formatCount } from '../numbers/format';
import { banner } from '../overview/banners';

/** The plan is made anew with the spectra that came at most this often. */
const SHOWN_EVERY_MS = 500;

export class GramSpectra {
  readonly element: HTMLElement;
  private readonly progress = element('p', { class: 'muted statistics-check', hidden: true });
  private readonly problems = element('div', { role: 'status' });
  private statistics: StatisticsSummary | null = null;
  private known = new Map<string, Float64Array>();
  /** Layers without one: their statistics, or their weights, cannot be used. */
  private failed = new Map<string, string>();
  private wanted: readonly string[] = [];
  private source = new CancellationTokenSource();
  private running = false;
  private shownAt = 0;

  /** @param onSpectra `with` says more than before */
  constructor(
    private readonly host: Host,
    private readonly onSpectra: () => void,
  ) {
    this.element = element('div', {}, this.progress, this.problems);
  }

  /** Other statistics are in use, or none. */
  use(statistics: StatisticsSummary | null): void {
    const had = this.known.size > 0;
    this.source.cancel();
    this.source = new CancellationTokenSource();
    this.statistics = statistics;
    this.known = new Map();
    this.failed = new Map();
    this.wanted = [];
    this.running = false;
    this.draw();
    if (had) this.onSpectra();
  }

  /** The layers with the spectra that are known. */
  with(layers: readonly PlanLayer[]): PlanLayer[] {
    return layers.map((layer) => {
      const gramEigenvalues = this.known.get(layer.name);
      return gramEigenvalues ? { ...layer, gramEigenvalues } : layer;
    });
  }

  /** @param layers none if the allocation is another one: what runs is finished, and nothing more is begun */
  want(layers: readonly string[]): void {
    const grams = this.statistics?.covered.flatMap(({ layer, has }) => (has.includes('gram') ? [layer] : []));
    const covered = new Set(grams);
    this.wanted = layers.filter((layer) => covered.has(layer));
    this.draw();
    if (!this.running && this.next() !== undefined) void this.computeAll();
  }

  private next(): string | undefined {
    return this.wanted.find((layer) => !this.known.has(layer) && !this.failed.has(layer));
  }

  private async computeAll(): Promise<void> {
    const { source, statistics } = this;
    if (!statistics) return;
    this.running = true;
    for (let layer = this.next(); layer !== undefined; layer = this.next()) {
      try {
        const found = await this.host.request('gramSpectrum', { path: statistics.path, layer }, source.token);
        if (source.token.isCancellationRequested) return;
        if (found) this.known.set(layer, found);
        else this.failed.set(layer, l10n.english('has no {0} in the statistics', 'gram'));
      } catch (error) {
        if (source.token.isCancellationRequested) return;
        this.failed.set(layer, problemOf(error).message);
      }
      const now = performance.now();
      if (now - this.shownAt < SHOWN_EVERY_MS && this.next() !== undefined) {
        this.draw();
        continue;
      }
      this.shownAt = now;
      this.draw();
      this.onSpectra();
    }
    this.running = false;
  }

  private draw(): void {
    const left = this.wanted.filter((layer) => !this.known.has(layer) && !this.failed.has(layer)).length;
    this.progress.hidden = left === 0;
    const done = l10n.t('{0} of {1}', formatCount(this.wanted.length - left), counted('layers', this.wanted.length));
    this.progress.textContent = l10n.t('Computing spectra under the Gram matrices of the inputs: {0}.', done);
    const shown = this.wanted.filter((layer) => this.failed.has(layer));
    const [first] = shown;
    const text =
      first === undefined
        ? ''
        : l10n.many(
            shown.length,
            '1 layer has no spectrum under the Gram matrix and stays dense. {1}: {2}.',
            '{0} layers have no spectrum under the Gram matrix and stay dense. The first is {1}: {2}.',
            formatCount(shown.length),
            first,
            l10n.known(this.failed.get(first)!),
          );
    if (this.problems.textContent === text) return;
    this.problems.replaceChildren(...(text === '' ? [] : [banner('warning', text, null)]));
  }
}
