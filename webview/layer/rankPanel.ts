/**
 * Choosing a rank: the singular values with their marks, a slider that lines up with them, the numbers that follow at
 * once, the list of suggestions, and the compression that can be saved.
 */
import { l10n } from '../../extension/shared/language/l10n';
import type { LayerResult, LayerSpectrum } from '../../extension/shared/layers';
import { CompressionPanel } from './compressionPanel';
import type { Host } from '../connection';
import { element, tableHead } from '../controls/elements';
import { formatCount, formatPercent } from '../numbers/format';
import { SingularValuesPlot, type RankMark } from '../plots/singularValuesPlot';
import { FactorPair } from '../../extension/shared/ranks/factorPair';
import { RankCurve } from '../../extension/shared/ranks/rankCurve';
import { rankRules } from '../../extension/shared/ranks/rankRules';
import { whyNoSaving } from '../../extension/shared/ranks/worthFactoring';

/** Half the width of the slider's thumb, which its track is longer by than the plot on both sides. */
const THUMB = 8;

export class RankPanel {
  readonly element: HTMLElement;
  private readonly plot: SingularValuesPlot;
  readonly compression: CompressionPanel;
  private readonly slider: HTMLInputElement;
  private readonly curve: RankCurve;
  private suggestions: HTMLElement;
  private marks: readonly RankMark[];

  /** @param elementBytes bytes of one stored element */
  constructor(host: Host, spectrum: LayerSpectrum, elementBytes: number) {
    const { rankEigenvalues, rankMatrix } = spectrum;
    const { name: layer, ranks: suggestions, factored } = spectrum.layer;
    const { rows, cols } = rankMatrix;
    // A product has no more directions than its factors: the others are zeros that are nothing to choose.
    const fullRank = factored && Math.max(1, factored.rank);
    const replaced = factored && new FactorPair(rows, cols).parameters(factored.rank);
    const curve = new RankCurve(rankEigenvalues, new FactorPair(rows, cols, replaced), elementBytes, fullRank);
    this.curve = curve;
    this.marks = marksOf(suggestions);
    this.slider = element('input', {
      ...{ class: 'rank-slider', type: 'range', min: 1, max: curve.fullRank, step: 1, 'aria-label': l10n.t('Rank') },
      input: () => this.choose(Number(this.slider.value)),
    });
    this.plot = new SingularValuesPlot(
      layer,
      curve,
      this.marks,
      (rank) => this.choose(rank),
      (left, width) => {
        this.slider.style.marginInlineStart = `${left - THUMB}px`;
        this.slider.style.width = `${width + 2 * THUMB}px`;
      },
    );
    this.compression = new CompressionPanel(host, layer, curve, factored, (rank) => this.choose(rank));
    this.suggestions = this.suggestionList();
    this.element = element(
      'div',
      { class: 'rank-panel' },
      element('div', { class: 'rank-picture' }, this.plot.element, this.slider),
      element('div', { class: 'rank-columns' }, this.compression.element, this.suggestions),
    );
    this.choose(curve.proposal().rank);
  }

  /** Suggestions that are known at the end of the whole model's inspection alone may have come. */
  update(ranks: LayerResult['ranks']): void {
    const marks = marksOf(ranks);
    if (marks.map(({ rank }) => rank).join() === this.marks.map(({ rank }) => rank).join()) return;
    this.marks = marks;
    this.plot.setMarks(marks);
    const { activeElement } = document;
    const focused = this.suggestions.contains(activeElement) ? activeElement!.textContent : undefined;
    const list = this.suggestionList();
    this.suggestions.replaceWith(list);
    this.suggestions = list;
    [...list.querySelectorAll('button')].find(({ textContent }) => textContent === focused)?.focus();
  }

  private choose(rank: number): void {
    const { curve } = this;
    const bounded = curve.bounded(rank);
    this.slider.value = String(bounded);
    this.slider.setAttribute(
      'aria-valuetext',
      l10n.t(
        'rank {0}: error {1}, {2} of the parameters',
        formatCount(bounded),
        formatPercent(curve.error(bounded)),
        formatPercent(curve.ratio(bounded)),
      ),
    );
    this.plot.setRank(bounded);
    this.compression.setRank(bounded);
  }

  private suggestionList(): HTMLElement {
    const { marks, curve } = this;
    const described = new Map(rankRules.map((rule) => [rule.name, rule.description]));
    const rows = [...marks]
      .sort((a, b) => a.rank - b.rank)
      .map(({ name, rank }) => {
        const saving = whyNoSaving(curve.ratio(rank));
        const why = saving && l10n.known(saving);
        return element(
          'tr',
          { title: described.get(name), ...(why !== undefined && { class: 'no-saving' }) },
          element(
            'th',
            { scope: 'row' },
            element('button', { class: 'link', type: 'button', click: () => this.choose(rank) }, name),
          ),
          element('td', {}, formatCount(rank)),
          element('td', {}, formatPercent(curve.error(curve.bounded(rank)))),
          element('td', {}, formatPercent(curve.ratio(rank))),
          element(
            'td',
            { title: why },
            why === undefined ? '' : curve.ratio(rank) > 1 ? l10n.t('larger') : l10n.t('saves little'),
          ),
        );
      });
    return element(
      'section',
      { class: 'suggestions', 'aria-label': l10n.t('Rank suggestions') },
      element(
        'table',
        { class: 'numbers' },
        tableHead([l10n.t('Suggestion'), l10n.t('Rank'), l10n.t('Error'), l10n.t('Parameters'), l10n.t('Note')]),
        element('tbody', {}, ...rows),
      ),
    );
  }
}

function marksOf(ranks: LayerResult['ranks']): RankMark[] {
  return rankRules.flatMap(({ key, label, name }) => {
    const found = ranks[key];
    return found && found.rank >= 1 ? [{ label, name, rank: found.rank }] : [];
  });
}
