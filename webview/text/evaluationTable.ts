/** What an evaluation found, a row a model. */
import type { DecoderEvaluation, EvaluatedDecoder } from '../../extension/shared/decoderRuns';
import { l10n } from '../../extension/shared/language/l10n';
import { element, tableHead } from '../controls/elements';
import { formatNumber, formatPercent } from '../numbers/format';

/** @param names of the models, in their order */
export function evaluationTable({ models }: DecoderEvaluation, names: readonly string[]): HTMLElement {
  const rows = models.map((model, index) => {
    const { intervals } = model;
    return element(
      'tr',
      {},
      element('th', { scope: 'row', title: model.name }, names[index]),
      numberCell(formatNumber(model.perplexity, 5), intervals.perplexity, (value) => formatNumber(value, 4)),
      numberCell(klText(model), intervals.kl, (value) => formatNumber(value, 3)),
      numberCell(agreementText(model), intervals.top1_agreement, (value) => formatPercent(value, 3)),
    );
  });
  return element(
    'div',
    { class: 'evaluation-scroll', tabindex: 0, role: 'region', 'aria-label': l10n.t('Models side by side') },
    element(
      'table',
      { class: 'numbers evaluation' },
      element('caption', { class: 'hidden' }, l10n.t('Models side by side')),
      tableHead([l10n.t('Model'), l10n.t('Perplexity'), l10n.t('KL divergence (nats)'), l10n.t('Same top token')]),
      element('tbody', {}, ...rows),
    ),
  );
}

/** The compared model that is nearest to the first one, or the first one's perplexity. */
export function evaluationFinding({ models }: DecoderEvaluation, names: readonly string[]): string {
  const [first, ...others] = models;
  const compared = others.map((model, i) => ({ model, name: names[i + 1]! }));
  const nearest = compared.toSorted((a, b) => a.model.kl! - b.model.kl!)[0];
  if (!nearest) return l10n.t('The perplexity of {0} is {1}.', names[0]!, formatNumber(first!.perplexity, 4));
  return l10n.t(
    '{0} is the nearest to {1}: its perplexity is {2} in place of {3}, at a KL divergence of {4} nats.',
    nearest.name,
    names[0]!,
    formatNumber(nearest.model.perplexity, 4),
    formatNumber(first!.perplexity, 4),
    klText(nearest.model),
  );
}

function numberCell(text: string, interval: readonly [number, number] | null, format: (value: number) => string) {
  const range = interval && l10n.t('{0} – {1}', format(interval[0]), format(interval[1]));
  return element('td', {}, text, range ? element('span', { class: 'interval' }, range) : null);
}

function klText({ kl }: EvaluatedDecoder): string {
  return kl === null ? '–' : formatNumber(kl, 4);
}

function agreementText({ top1_agreement: share }: EvaluatedDecoder): string {
  return share === null ? '–' : formatPercent(share, 4);
}
