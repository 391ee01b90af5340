/**
 * Beside the fit of alpha: which law its tail follows, and the bootstrap that tests it, on request. Both are of the tail
 * that was fitted, and say so: xmin may have been dragged elsewhere.
 */
import { CancellationTokenSource } from 'vscode-jsonrpc/browser';
import type { ViewNotifications } from '../../extension/protocol';
import { l10n } from '../../extension/shared/language/l10n';
import type { GoodnessOfFit, LayerResult } from '../../extension/shared/layers';
import { problemText } from '../../extension/shared/language/problemText';
import { lawName } from '../../extension/shared/lawNames';
import { IMPLAUSIBLE } from '../../extension/shared/verdict';
import type { Host } from '../connection';
import { button } from '../controls/controls';
import { element, type Child } from '../controls/elements';
import { formatCount, formatNumber, formatPercent } from '../numbers/format';
import { icon } from '../controls/icons';

export class FitTest {
  readonly element: HTMLElement;
  private readonly status = element('div', { class: 'fit-test-status', role: 'status' });
  /** Called when a test has ended. */
  onTested: () => void = () => undefined;
  private running: CancellationTokenSource | null = null;
  private goodness: GoodnessOfFit | undefined;

  constructor(
    private readonly host: Host,
    private readonly layer: LayerResult,
  ) {
    this.element = element(
      'section',
      { class: 'fit-test', 'aria-label': l10n.t('Test of the fit') },
      verdict(layer),
      this.status,
    );
    if (layer.goodness) this.show(layer.goodness);
    else this.offer();
  }

  /** What a test made here found, as part of the layer's result. */
  get found(): Pick<LayerResult, 'goodness'> {
    return this.goodness ? { goodness: this.goodness } : {};
  }

  /** A running test's progress, from the host. */
  progress({ layer, fraction }: ViewNotifications['testing']): void {
    if (this.running && layer === this.layer.name) this.work(fraction);
  }

  /** The layer is no longer shown. */
  cancel(): void {
    this.running?.cancel();
    this.running = null;
  }

  private offer(...before: Child[]): void {
    if (this.layer.fits.KS?.status !== 'success') return;
    const start = button({
      label: l10n.t('Test the Fit'),
      icon: 'beaker',
      title: l10n.t('Compares D with that of synthetic spectra that do follow the power law; takes some seconds'),
      onClick: () => void this.run(),
    });
    this.set(...before, start);
  }

  private async run(): Promise<void> {
    const source = new CancellationTokenSource();
    this.running = source;
    this.work(0);
    try {
      const found = await this.host.request('goodness', { layer: this.layer.name }, source.token);
      if (this.running !== source) return;
      this.goodness = found;
      this.show(found);
      this.onTested();
    } catch (error) {
      if (this.running === source) this.offer(icon('error'), element('span', {}, problemText(error)));
    } finally {
      if (this.running === source) this.running = null;
    }
  }

  private work(fraction: number): void {
    const bar = element('progress', { max: 1, value: fraction, 'aria-label': l10n.t('Testing the fit') });
    const stop = (): void => {
      this.cancel();
      this.offer();
    };
    this.set(bar, formatPercent(fraction, 2), button({ label: l10n.t('Cancel'), onClick: stop }));
  }

  private show({ status, reason, p, standard_error: error, replicates, seed }: GoodnessOfFit): void {
    if (status === 'failed' || p === null) {
      this.set(icon('warning'), l10n.t('The fit cannot be tested: {0}.', l10n.known(reason ?? 'unknown')));
      return;
    }
    const values = [
      formatNumber(p, 3),
      formatNumber(error ?? 0, 2),
      p > IMPLAUSIBLE ? l10n.t('a power law is plausible') : l10n.t('not a power law'),
      formatCount(replicates ?? 0),
      seed,
    ] as const;
    const from = fittedFrom(this.layer);
    this.set(
      from === undefined
        ? l10n.t('Test of the fit: p {0} ± {1}, {2} ({3} synthetic spectra, seed {4}).', ...values)
        : l10n.t(
            'Test of the fit from the fitted xmin {5}: p {0} ± {1}, {2} ({3} synthetic spectra, seed {4}).',
            ...values,
            from,
          ),
    );
  }

  private set(...children: Child[]): void {
    this.status.replaceChildren(...children.filter((child) => child instanceof Node || typeof child === 'string'));
  }
}

/** One line: the law, or why there is none. */
function verdict(layer: LayerResult): HTMLElement | null {
  const { tail_shape: shape } = layer;
  if (!shape) return null;
  const law =
    shape.law === undefined ? l10n.t('none ({0})', l10n.known(shape.reason ?? 'unknown')) : lawName(shape.law);
  const text =
    shape.law === 'undecided'
      ? l10n.t(
          'a power law fits no better and no worse than another law; test the fit to see whether it is plausible at all',
        )
      : law;
  const from = fittedFrom(layer);
  const said =
    from === undefined
      ? l10n.t('Shape of the tail: {0}.', text)
      : l10n.t('Shape of the tail from the fitted xmin {1}: {0}.', text, from);
  return element('p', {}, said);
}

/** The fitted xmin, which names the tail that is meant. */
function fittedFrom({ fits: { KS } }: LayerResult): string | undefined {
  return typeof KS?.xmin === 'number' && KS.status === 'success' ? formatNumber(KS.xmin, 3) : undefined;
}
