/**
 * Compressing the layer that is shown: method and rank (as a rank, a share of the energy or of the parameters, all
 * three tied together), what it costs and loses, and saving the result. Sizes and the error follow at once from σ²;
 * the engine's preview confirms them and adds its notes.
 */
import { CancellationTokenSource } from 'vscode-jsonrpc/browser';
import type { ViewNotifications } from '../../extension/protocol';
import { spectrumMethods, type MethodName } from '../../extension/shared/compression/methodTable';
import type { CompressionPreview, SaveResult } from '../../extension/shared/compressions';
import { listWords } from '../../extension/shared/findings/numberWords';
import { l10n } from '../../extension/shared/language/l10n';
import type { FactoredLayer } from '../../extension/shared/layers';
import { problemText } from '../../extension/shared/language/problemText';
import type { Host } from '../connection';
import { button, dropdown, type Button } from '../controls/controls';
import { element, tableHead } from '../controls/elements';
import { field, numberInput, setUnlessEdited } from '../controls/fields';
import { formatBytes, formatCompact, formatCount, formatNumber, formatPercent } from '../numbers/format';
import { icon } from '../controls/icons';
import type { RankCurve } from '../../extension/shared/ranks/rankCurve';

/** A pause in moving the slider after which the engine is asked. */
const PREVIEW_DELAY_MS = 250;

type Output = 'factors' | 'reconstructed';

interface Amounts {
  parameters: number;
  bytes: number;
  multiply_adds: number;
}

const quantities: readonly { key: keyof Amounts; name: string; format: (value: number) => string }[] = [
  { key: 'parameters', name: l10n.t('Parameters'), format: formatCompact },
  { key: 'bytes', name: l10n.t('Size'), format: formatBytes },
  { key: 'multiply_adds', name: l10n.t('Multiply-adds'), format: formatCompact },
];

export class CompressionPanel {
  readonly element: HTMLElement;
  private rank = 1;
  private method: MethodName = spectrumMethods[0]!.name;
  private output: Output = 'factors';
  private preview: CompressionPreview | null = null;
  private timer = 0;
  private pending: CancellationTokenSource | null = null;

  private readonly rankInput: HTMLInputElement;
  private readonly energyInput: HTMLInputElement;
  private readonly budgetInput: HTMLInputElement;
  private readonly numbers = element('tbody');
  private readonly notes = element('ul', { class: 'notes' });
  private readonly status = element('div', { class: 'save-status', role: 'status' });
  private readonly save: Button;

  /**
   * @param factored where the layer is a product: there is no matrix to be saved in place of
   * @param onRank called when a person types a rank, an energy or a budget
   */
  constructor(
    private readonly host: Host,
    private readonly layer: string,
    private readonly curve: RankCurve,
    private readonly factored: FactoredLayer | undefined,
    onRank: (rank: number) => void,
  ) {
    const full = curve.fullRank;
    this.rankInput = numberInput({ min: 1, max: full, step: 1 }, (value) => onRank(value));
    this.energyInput = numberInput({ min: 0, max: 100, step: 'any' }, (v) => onRank(curve.rankForEnergy(v / 100)));
    this.budgetInput = numberInput({ min: 0, max: 200, step: 'any' }, (v) => onRank(curve.rankForBudget(v / 100)));
    const methods = spectrumMethods.map(({ name, label }) => ({ value: name, label }));
    const method = dropdown(l10n.t('Method'), methods, this.method, (value) => {
      this.method = value;
      this.requestPreview();
    });
    const output = dropdown<Output>(
      l10n.t('Save as'),
      [
        { value: 'factors', label: l10n.t('two factors') },
        { value: 'reconstructed', label: l10n.t('reconstructed matrix') },
      ],
      this.output,
      (value) => {
        this.output = value;
        this.showNumbers();
      },
    );
    this.save = button({
      label: l10n.t('Save As…'),
      icon: 'save-as',
      appearance: 'primary',
      onClick: () => void this.saveAs(),
    });
    this.element = element(
      'section',
      { class: 'compression', 'aria-label': l10n.t('Compress this layer') },
      element(
        'div',
        { class: 'form' },
        field(l10n.t('Rank'), this.rankInput, l10n.t('of {0}', formatCount(full))),
        field(l10n.t('Energy'), this.energyInput, '%'),
        field(l10n.t('Parameters'), this.budgetInput, '%'),
        ...(factored ? [] : [field(l10n.t('Method'), method), field(l10n.t('Save as'), output)]),
      ),
      element(
        'table',
        { class: 'numbers' },
        element('caption', { class: 'hidden' }, l10n.t('Before and after')),
        tableHead([l10n.t('Quantity'), l10n.t('Before'), l10n.t('After'), l10n.t('Change')]),
        this.numbers,
      ),
      this.notes,
      factored
        ? element(
            'p',
            { class: 'muted' },
            l10n.t(
              'This product is not stored. Its factors can be saved as reconstructed matrices: {0}.',
              listWords(factored.factors),
            ),
          )
        : element('div', { class: 'save-row' }, this.save, this.status),
    );
  }

  focus(): void {
    this.rankInput.focus();
  }

  setRank(rank: number): void {
    this.rank = rank;
    const { curve } = this;
    setUnlessEdited(this.rankInput, String(rank));
    setUnlessEdited(this.energyInput, (100 * curve.energy(rank)).toFixed(2));
    setUnlessEdited(this.budgetInput, (100 * curve.ratio(rank)).toFixed(1));
    this.showNumbers();
    this.requestPreview();
  }

  private showNumbers(): void {
    const { before, after, error, sigmaRatio } = this.estimate();
    const row = (name: string, from: string, to: string, change = ''): HTMLElement =>
      element(
        'tr',
        {},
        element('th', { scope: 'row' }, name),
        ...[from, to, change].map((text) => element('td', {}, text)),
      );
    this.numbers.replaceChildren(
      row(l10n.t('Relative error'), '', formatPercent(error)),
      row('σₖ₊₁ / σ₁', '', formatNumber(sigmaRatio, 3)),
      ...quantities.map(({ key, name, format }) =>
        row(name, format(before[key]), format(after[key]), change(before[key], after[key])),
      ),
      ...this.fileRow(after.bytes).map(({ from, to }) =>
        row(l10n.t('Whole model'), formatBytes(from), formatBytes(to), change(from, to)),
      ),
    );
  }

  /** Known once the engine has answered; of any rank, since the others' bytes are the same. */
  private fileRow(bytes: number): { from: number; to: number }[] {
    const file = this.preview?.file;
    return file ? [{ from: file.before, to: file.others + bytes }] : [];
  }

  /** The engine's preview where it is of the present choice; until it comes, the same numbers from σ². */
  private estimate(): { before: Amounts; after: Amounts; error: number; sigmaRatio: number } {
    const { curve, rank, preview } = this;
    const sigma = curve.singularValues;
    const confirmed = preview?.rank === rank && preview.method === this.method ? preview : null;
    const before = { parameters: curve.size, bytes: curve.size * curve.elementBytes, multiply_adds: curve.size };
    const parameters = curve.parameters(rank);
    const after = { parameters, bytes: curve.bytes(rank), multiply_adds: parameters };
    if (confirmed) for (const { key } of quantities) after[key] = confirmed[key].after;
    return {
      before,
      // The product has the size and the cost of the matrix it replaces.
      after: this.output === 'reconstructed' ? before : after,
      error: confirmed?.relative_error ?? curve.error(rank),
      sigmaRatio: confirmed?.sigma_ratio ?? ((sigma[0] ?? 0) > 0 ? (sigma[rank] ?? 0) / sigma[0]! : 0),
    };
  }

  private requestPreview(): void {
    window.clearTimeout(this.timer);
    // The engine compresses what is stored.
    if (this.factored) return;
    this.timer = window.setTimeout(() => void this.fetchPreview(), PREVIEW_DELAY_MS);
  }

  private async fetchPreview(): Promise<void> {
    this.pending?.cancel();
    const source = new CancellationTokenSource();
    this.pending = source;
    const { layer, method, rank } = this;
    try {
      const params = { layer, method, rank: { kind: 'rank', rank } } as const;
      const preview = await this.host.request('previewCompression', params, source.token);
      if (this.pending !== source) return;
      this.preview = preview;
      this.showNumbers();
      this.notes.replaceChildren(...preview.notes.map((note) => element('li', {}, icon('info'), l10n.known(note))));
    } catch (error) {
      if (this.pending !== source) return;
      this.preview = null;
      this.notes.replaceChildren(element('li', { class: 'problem' }, icon('error'), problemText(error)));
    }
  }

  /** A running save's progress, from the host. */
  saving({ fraction, message }: ViewNotifications['saving']): void {
    // The whole model may be saved meanwhile: that is not this layer's.
    if (!this.save.disabled) return;
    const bar = element('progress', { max: 1, value: fraction, 'aria-label': l10n.t('Saving') });
    this.status.replaceChildren(bar, element('span', {}, `${l10n.known(message)} ${formatPercent(fraction, 2)}`));
  }

  private async saveAs(): Promise<void> {
    this.save.disabled = true;
    this.status.replaceChildren();
    const { layer, method, rank, output } = this;
    try {
      const request = { layer, method, rank: { kind: 'rank', rank }, output } as const;
      const saved = await this.host.request('saveCompressed', request);
      this.status.replaceChildren(...(saved ? savedMessage(saved, this.preview?.notes ?? []) : []));
    } catch (error) {
      const text = element('span', { class: 'problem' }, problemText(error));
      this.status.replaceChildren(icon('error'), text);
    } finally {
      this.save.disabled = false;
    }
  }
}

/** @param told notes that stand above it already */
function savedMessage(saved: SaveResult, told: readonly string[]): Node[] {
  const text = l10n.t(
    'Saved {0} ({1}), rank {2}; error measured on the written factors {3}.',
    saved.path,
    formatBytes(saved.bytes),
    formatCount(saved.rank),
    formatPercent(saved.measured_error, 4),
  );
  const notes = saved.notes.filter((note) => !told.includes(note)).map((note) => l10n.known(note));
  return [icon('check'), element('span', {}, [text, ...notes].join(' '))];
}

/** Empty where nothing was there before: no share of nothing can be told. */
function change(before: number, after: number): string {
  return before > 0 ? signedPercent(after / before - 1) : '';
}

function signedPercent(change: number): string {
  return new Intl.NumberFormat(undefined, {
    style: 'percent',
    maximumFractionDigits: 1,
    signDisplay: 'exceptZero',
  }).format(change);
}
