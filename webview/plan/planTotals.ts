/** What the whole model costs before and after, and what those numbers do not say. */
import { element, tableHead } from '../controls/elements';
import { icon } from '../controls/icons';
import { formatBytes, formatCompact, formatCount, formatPercent } from '../numbers/format';
import type { AdapterSize, BeforeAfter, PlanTotals } from '../../extension/compression/plan/planRequest';
import { l10n } from '../../extension/shared/language/l10n';
import { errorText, type LayerRow } from './planRows';

export class PlanTotalsTable {
  readonly element: HTMLElement;
  private readonly body = element('tbody');
  private readonly notes = element('ul', { class: 'notes' });

  constructor() {
    this.element = element(
      'section',
      { class: 'plan-totals', 'aria-label': l10n.t('The whole model') },
      element(
        'table',
        { class: 'numbers' },
        element('caption', { class: 'hidden' }, l10n.t('The whole model before and after')),
        tableHead([l10n.t('Quantity'), l10n.t('Before'), l10n.t('After'), l10n.t('Change')]),
        this.body,
      ),
      this.notes,
    );
  }

  /** @param groups how many became smaller as a whole */
  show(totals: PlanTotals, groups: number, decoded: DecodedLayers): void {
    const row = (name: string, { before, after }: BeforeAfter, format: (value: number) => string): HTMLElement =>
      line(name, format(before), format(after), before > 0 ? signed(after / before - 1) : '');
    const { asAdapter } = totals;
    this.body.replaceChildren(
      row(l10n.t('Size'), totals.bytes, formatBytes),
      ...(asAdapter
        ? [row(l10n.t('Size as PEFT adapter'), { before: totals.bytes.before, after: asAdapter.bytes }, formatBytes)]
        : []),
      row(l10n.t('Parameters'), totals.parameters, formatCompact),
      row(l10n.t('Multiply-adds'), totals.multiplyAdds, formatCompact),
      line(l10n.t('Mean error'), '', errorText(totals), ''),
      ...(totals.outputError === undefined
        ? []
        : [line(l10n.t('Error of the outputs'), '', formatPercent(totals.outputError), '')]),
    );
    const said = [
      ...(asAdapter ? [adapterNote(asAdapter)] : []),
      ...(totals.copiedFactors === undefined
        ? []
        : [
            l10n.t(
              'A Hugging Face folder takes {0} more: it has the factors of each copy of a weight that nothing ties.',
              formatBytes(totals.copiedFactors),
            ),
          ]),
      ...(decoded.layers > 0 ? [decodedNote(decoded)] : []),
      ...(groups > 0
        ? [
            l10n.many(
              groups,
              '1 group becomes smaller, too. What it loses is measured when it is compressed: the error does not count it.',
              '{0} groups become smaller, too. What they lose is measured when they are compressed: the error does not count it.',
              formatCount(groups),
            ),
          ]
        : []),
      ...(totals.compressed > 0
        ? [
            l10n.t(
              'Fewer multiply-adds are not always faster: naive pairs decode at about 0.76 × dense speed at batch 1 on a GPU.',
            ),
            l10n.t('Weight error does not predict perplexity: evaluate what you save.'),
          ]
        : []),
    ];
    this.notes.replaceChildren(...said.map((note) => element('li', {}, icon('info'), note)));
  }
}

/** Layers that stay dense and whose blocks a copy cannot hold. */
export interface DecodedLayers extends BeforeAfter {
  readonly layers: number;
}

export function decodedLayers(rows: readonly LayerRow[]): DecodedLayers {
  const decoded = rows.filter(
    ({ layer, plan, group }) => layer.savedBytes !== undefined && !layer.uncounted && 'keep' in plan && !group,
  );
  const sum = (key: keyof BeforeAfter): number => decoded.reduce((total, { bytes }) => total + bytes[key], 0);
  return { layers: decoded.length, before: sum('before'), after: sum('after') };
}

function decodedNote({ layers, before, after }: DecodedLayers): string {
  return l10n.many(
    layers,
    '1 layer that stays dense is stored in blocks, and saved decoded: {1} in place of {2}.',
    '{0} layers that stay dense are stored in blocks, and saved decoded: {1} in place of {2}.',
    formatCount(layers),
    formatBytes(after),
    formatBytes(before),
  );
}

function adapterNote({ base }: AdapterSize): string {
  return base === 'elsewhere'
    ? l10n.t('A PEFT adapter of a quantised checkpoint is saved alone. “Size” counts the dense weights below it, too.')
    : l10n.t(
        'Beside a PEFT adapter, quantised weights are saved decoded: its base takes as many bytes as the model, until a program quantises it when it loads it.',
      );
}

function line(name: string, ...cells: string[]): HTMLElement {
  return element('tr', {}, element('th', { scope: 'row' }, name), ...cells.map((text) => element('td', {}, text)));
}

function signed(change: number): string {
  const options = { style: 'percent', maximumFractionDigits: 1, signDisplay: 'exceptZero' } as const;
  return new Intl.NumberFormat(undefined, options).format(change);
}
