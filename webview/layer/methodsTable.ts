/** The table of methods that were measured on one layer, and why some could not be. */
import type { MeasuredLayer } from '../../extension/shared/compression/measured';
import { layerMethod } from '../../extension/shared/compression/methodTable';
import type { LayerChoice } from '../../extension/shared/compression/plans';
import { l10n } from '../../extension/shared/language/l10n';
import { button } from '../controls/controls';
import { element, tableHead } from '../controls/elements';
import { formatBytes, formatCompact, formatCount, formatPercent } from '../numbers/format';

export type MethodOutcome = { readonly choice: LayerChoice } & (
  { readonly measured: MeasuredLayer } | { readonly problem: string }
);

const COLUMNS = [
  l10n.t('Method'),
  l10n.t('Rank'),
  l10n.t('Error'),
  l10n.t('In its metric'),
  l10n.t('Of the outputs'),
  l10n.t('Size'),
  l10n.t('Multiply-adds'),
  '',
];

/** @param onDifference shows what a choice loses */
export function methodsTable(
  layer: string,
  outcomes: readonly MethodOutcome[],
  onDifference: (choice: LayerChoice) => void,
): HTMLElement {
  return element(
    'div',
    { class: 'methods-scroll', tabindex: 0, role: 'region', 'aria-label': l10n.t('Methods side by side') },
    element(
      'table',
      { class: 'numbers methods' },
      element('caption', { class: 'hidden' }, l10n.t('Methods for {0}, measured on what is stored', layer)),
      tableHead(COLUMNS),
      element('tbody', {}, ...outcomes.map((outcome) => row(outcome, onDifference))),
    ),
  );
}

function row(outcome: MethodOutcome, onDifference: (choice: LayerChoice) => void): HTMLElement {
  const { choice } = outcome;
  const name = element('th', { scope: 'row' }, layerMethod(choice.method).label);
  if ('problem' in outcome) {
    return element('tr', {}, name, element('td', { class: 'problem', colspan: COLUMNS.length - 1 }, outcome.problem));
  }
  const { measured } = outcome;
  const { relative_error, metric_error, output_error, bytes, multiply_adds, notes } = measured;
  const cell = (text: string): HTMLElement => element('td', {}, text);
  const difference = button({
    label: l10n.t('Difference'),
    title: l10n.t('Show what {0} loses, and where', layerMethod(choice.method).label),
    onClick: () => onDifference(choice),
  });
  return element(
    'tr',
    { title: notes.map((note) => l10n.known(note)).join(' ') || undefined },
    name,
    cell(choice.rank === undefined ? '' : formatCount(choice.rank)),
    cell(formatPercent(relative_error)),
    cell(formatPercent(metric_error)),
    cell(output_error === null ? '–' : formatPercent(output_error)),
    cell(l10n.t('{0} of {1}', formatBytes(bytes.after), formatBytes(bytes.before))),
    cell(l10n.t('{0} of {1}', formatCompact(multiply_adds.after), formatCompact(multiply_adds.before))),
    element('td', {}, difference),
  );
}
