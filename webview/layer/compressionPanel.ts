/**
 * Compressing the layer that is shown: method and rank (as a rank, a share of the energy or of the parameters, all
 * three tied together), what it costs and loses, and saving the result. Sizes and the error follow at once from σ²;
 * the engine's preview confirms them and adds its notes.
 */
import { CancellationTokenSource } from 'vscode-jsonrpc/browser';
import type { ViewNotifications } from '../../extension/protocol';
import { spectrumMethods, type MethodName } from '../../extension/shared/compression/methodTable';
import type { CompressionPreview, SaveResult } from '../../extension/shared/compressions';
import type { FactoredLayer } from '../../extension/shared/layers';
import { problemOf } from '../../extension/shared/rpc';
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
  { key: 'parameters', name: 'Parameters', format: formatCompact },
  { key: 'bytes', name: 'Size', format: formatBytes },
  { key: 'multiply_adds', name: 'Multiply-adds', format: formatCompact },
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
    const method = dropdown('Method', methods, this.method, (value) => {
      this.method = value;
      this.requestPreview();
    });
    const output = dropdown<Output>(
      'Save as',
      [
        { value: 'factors', label: 'two factors' },
        { value: 'reconstructed', label: 'reconstructed matrix' },
      ],
      this.output,
      (value) => {
        this.output = value;
        this.showNumbers();
      },
    );
    this.save = button({
      label: 'Save As…',
      icon: 'save-as',
      appearance: 'primary',
      onClick: () => void this.saveAs(),
    });
    this.element = element(
      'section',
      { class: 'compression', 'aria-label': 'Compress this layer' },
      element(
        'div',
        { class: 'form' },
        field('Rank', this.rankInput, `of ${formatCount(full)}`),
        field('Energy', this.energyInput, '%'),
        field('Parameters', this.budgetInput, '%'),
        ...(factored ? [] : [field('Method', method), field('Save as', output)]),
      ),
      element(
        'table',
        { class: 'numbers' },
        element('caption', { class: 'hidden' }, 'Before and after'),
        tableHead(['Quantity', 'Before', 'After', 'Change']),
        this.numbers,
      ),
      this.notes,
      factored
        ? element(
            'p',
            { class: 'muted' },
            `This product is not stored. Compress its factors instead: ${factored.factors.join(' and ')}.`,
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
      row('Relative error', '', formatPercent(error)),
      row('σₖ₊₁ / σ₁', '', formatNumber(sigmaRatio, 3)),
      ...quantities.map(({ key, name, format }) =>
        row(name, format(before[key]), format(after[key]), change(before[key], after[key])),
      ),
    );
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
      this.notes.replaceChildren(...preview.notes.map((note) => element('li', {}, icon('info'), note)));
    } catch (error) {
      if (this.pending !== source) return;
      this.preview = null;
      this.notes.replaceChildren(element('li', { class: 'problem' }, icon('error'), problemOf(error).message));
    }
  }

  /** A running save's progress, from the host. */
  saving({ fraction, message }: ViewNotifications['saving']): void {
    // The whole model may be saved meanwhile: that is not this layer's.
    if (!this.save.disabled) return;
    const bar = element('progress', { max: 1, value: fraction, 'aria-label': 'Saving' });
    this.status.replaceChildren(bar, element('span', {}, `${message} ${formatPercent(fraction, 2)}`));
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
      const text = element('span', { class: 'problem' }, problemOf(error).message);
      this.status.replaceChildren(icon('error'), text);
    } finally {
      this.save.disabled = false;
    }
  }
}

/** @param told notes that stand above it already */
function savedMessage(saved: SaveResult, told: readonly string[]): Node[] {
  const text =
    `Saved ${saved.path} (${formatBytes(saved.bytes)}), rank ${formatCount(saved.rank)}; ` +
    `error measured on the written factors ${formatPercent(saved.measured_error, 4)}.`;
  return [icon('check'), element('span', {}, [text, ...saved.notes.filter((note) => !told.includes(note))].join(' '))];
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
