/** Shuffling a layer's entries on request: its spectrum is drawn beside the layer's own, and what stands out is told. */
import { CancellationTokenSource } from 'vscode-jsonrpc/browser';
import { l10n } from '../../extension/shared/language/l10n';
import type { LayerSpectrum, ShuffledSpectrum } from '../../extension/shared/layers';
import { upperBound } from '../../extension/spectral/tail/bounds';
import { problemText } from '../../extension/shared/language/problemText';
import type { Host } from '../connection';
import { button } from '../controls/controls';
import { element, type Child } from '../controls/elements';
import { icon } from '../controls/icons';
import { formatCount, formatNumber } from '../numbers/format';

export class ShufflePanel {
  readonly element = element('div', { class: 'fit-test-status shuffle', role: 'status' });
  private running: CancellationTokenSource | null = null;

  /** @param onShuffled draws that spectrum; null takes it away */
  constructor(
    private readonly host: Host,
    private readonly spectrum: LayerSpectrum,
    private readonly onShuffled: (eigenvalues: Float64Array | null) => void,
  ) {
    this.offer();
  }

  /** The layer is no longer shown. */
  cancel(): void {
    this.running?.cancel();
    this.running = null;
  }

  private offer(...before: Child[]): void {
    const start = button({
      label: l10n.t('Shuffle the Entries'),
      icon: 'sync',
      title: l10n.t(
        'Draws the spectrum of the same numbers in random order: what it lacks was learned; takes as long as the layer did',
      ),
      onClick: () => void this.run(),
    });
    this.set(...before, start);
  }

  private async run(): Promise<void> {
    const source = new CancellationTokenSource();
    this.running = source;
    const stop = (): void => {
      this.cancel();
      this.offer();
    };
    this.set(icon('loading'), l10n.t('Shuffling…'), button({ label: l10n.t('Cancel'), onClick: stop }));
    try {
      const { name: layer } = this.spectrum.layer;
      const found = await this.host.request('shuffled', { layer }, source.token);
      if (this.running !== source) return;
      this.onShuffled(found.eigenvalues);
      const remove = (): void => {
        this.onShuffled(null);
        this.offer();
      };
      this.set(
        element('span', {}, shuffledWords(this.spectrum.eigenvalues, found)),
        button({ label: l10n.t('Remove'), onClick: remove }),
      );
    } catch (error) {
      if (this.running === source) this.offer(icon('error'), element('span', {}, problemText(error)));
    } finally {
      if (this.running === source) this.running = null;
    }
  }

  private set(...children: Child[]): void {
    this.element.replaceChildren(...children.filter((child) => child instanceof Node || typeof child === 'string'));
  }
}

/** @param eigenvalues of the layer, ascending */
export function shuffledWords(
  eigenvalues: Float64Array,
  { eigenvalues: others, seed, edge }: ShuffledSpectrum,
): string {
  const above = eigenvalues.length - upperBound(eigenvalues, edge.threshold);
  const [largest, threshold] = [others.at(-1) ?? 0, edge.threshold].map((value) => formatNumber(value, 3));
  return l10n.t(
    'Dotted: the same entries in random order (seed {0}), λ₁ {1}. {2} of {3} eigenvalues of this layer lie above {4}, which random order does not reach.',
    seed,
    largest!,
    formatCount(above),
    formatCount(eigenvalues.length),
    threshold!,
  );
}
