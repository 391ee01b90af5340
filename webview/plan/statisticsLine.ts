/** Statistics of the model's inputs: the button that asks for them, and what they cover. */
import { CancellationTokenSource } from 'vscode-jsonrpc/browser';
import type { CoveredLayer, StatisticsSummary } from '../../extension/shared/compression/statistics';
import { l10n } from '../../extension/shared/language/l10n';
import { problemOf } from '../../extension/shared/rpc';
import { fileName } from '../../extension/shared/names/fileName';
import type { Host } from '../connection';
import { button, type Button } from '../controls/controls';
import { element, tableHead } from '../controls/elements';
import { icon } from '../controls/icons';
import { formatCount, formatNumber, counted } from '../numbers/format';

/** Layers and names that are listed; more help nobody. */
const MOST_LISTED = 2000;

const WORDS: Record<CoveredLayer['has'][number], string> = {
  gram: 'Gram',
  mean: 'mean',
  absMean: l10n.t('mean |x|'),
  squareMean: l10n.t('mean x²'),
  fisher: 'Fisher',
};

export interface StatisticsActions {
  /** Other statistics are in use, or none. */
  used(statistics: StatisticsSummary | null): void;
  failed(message: string): void;
}

export class StatisticsLine {
  readonly element = element('div', { class: 'statistics', hidden: true });
  readonly button: Button;
  statistics: StatisticsSummary | null = null;
  private readonly conditions = new Map<string, HTMLElement>();
  private computing: CancellationTokenSource | null = null;

  constructor(
    private readonly host: Host,
    private readonly actions: StatisticsActions,
  ) {
    this.button = button({
      label: l10n.t('Use Statistics…'),
      shrinks: true,
      icon: 'beaker',
      title: l10n.t(
        'Statistics of the inputs, from a calibration, an imatrix or a run of an ONNX model: more methods can be chosen with them',
      ),
      onClick: () => void this.use(null),
    });
  }

  /** @param path of the file; the host asks for it if it is null */
  async use(path: string | null): Promise<void> {
    this.button.disabled = true;
    try {
      const found = await this.host.request('useStatistics', { path });
      if (found) this.set(found);
    } catch (error) {
      this.actions.failed(problemOf(error).message);
    } finally {
      this.button.disabled = false;
    }
  }

  private set(statistics: StatisticsSummary | null): void {
    this.computing?.cancel();
    this.statistics = statistics;
    this.conditions.clear();
    this.element.hidden = statistics === null;
    this.element.replaceChildren(...(statistics ? this.contents(statistics) : []));
    this.actions.used(statistics);
  }

  private contents(statistics: StatisticsSummary): HTMLElement[] {
    const { covered, missing, synthetic, path, problems, unknown } = statistics;
    const tokens = covered.map((layer) => layer.tokens ?? 0).reduce((most, each) => Math.max(most, each), 0);
    const layers = counted('layers', covered.length + missing.length);
    const values = [statisticsName(statistics), formatCount(covered.length), layers] as const;
    const text =
      tokens > 0
        ? l10n.t('Statistics {0}: {1} of {2}, {3}.', ...values, counted('tokens', tokens))
        : l10n.t('Statistics {0}: {1} of {2}.', ...values);
    const forget = button({
      label: l10n.t('Use no statistics'),
      icon: 'close',
      appearance: 'icon',
      onClick: () => this.set(null),
    });
    const warning = l10n.t('Made from random inputs: they say nothing of real ones, and what they weigh is arbitrary.');
    return [
      ...(synthetic ? [element('p', { class: 'banner warning' }, icon('warning'), warning)] : []),
      element(
        'details',
        {},
        element('summary', {}, icon('beaker'), text),
        element(
          'div',
          { class: 'statistics-scroll', tabindex: 0, role: 'region', 'aria-label': l10n.t('Layers with statistics') },
          this.table(covered, path),
          list(l10n.t('Without statistics'), missing),
          list(l10n.t('Names that no layer has'), unknown),
          list(
            l10n.t('Problems'),
            problems.map((each) => l10n.known(each)),
          ),
        ),
      ),
      forget,
    ];
  }

  private table(covered: readonly CoveredLayer[], path: string): HTMLElement {
    const rows = covered.slice(0, MOST_LISTED).map(({ layer, has, tokens, condition }) => {
      const place = element('td', {}, condition === null ? '' : conditionText(condition));
      if (condition === null && has.includes('gram')) this.conditions.set(layer, place);
      return element(
        'tr',
        {},
        element('th', { scope: 'row' }, layer),
        element('td', {}, has.map((each) => WORDS[each]).join(', ')),
        element('td', {}, tokens === null ? '' : formatCount(tokens)),
        place,
      );
    });
    const compute = button({
      label: l10n.t('Compute Conditions'),
      title: l10n.t('λ_max/λ_min of each Gram matrix: large ones spoil what is divided by their factors'),
      onClick: () => void this.computeConditions(path, compute),
    });
    compute.hidden = this.conditions.size === 0;
    return element(
      'div',
      {},
      compute,
      element(
        'table',
        { class: 'numbers' },
        element('caption', { class: 'hidden' }, l10n.t('Layers with statistics')),
        tableHead([l10n.t('Layer'), l10n.t('Holds'), l10n.t('Tokens'), l10n.t('Condition of C')]),
        element('tbody', {}, ...rows),
      ),
    );
  }

  private async computeConditions(path: string, pressed: Button): Promise<void> {
    const source = new CancellationTokenSource();
    this.computing = source;
    pressed.disabled = true;
    for (const [layer, place] of this.conditions) {
      if (source.token.isCancellationRequested) return;
      try {
        const condition = await this.host.request('gramCondition', { path, layer }, source.token);
        place.textContent = condition === null ? '' : conditionText(condition);
      } catch (error) {
        place.textContent = problemOf(error).message;
      }
    }
    pressed.hidden = true;
  }
}

/** With a mark, wherever it is named, if it says nothing of real inputs. */
export function statisticsName({ path, synthetic }: StatisticsSummary): string {
  return synthetic ? l10n.t('{0} (random inputs)', fileName(path)) : fileName(path);
}

function conditionText(condition: number | 'singular'): string {
  return condition === 'singular' ? l10n.t('singular') : formatNumber(condition, 3);
}

function list(title: string, names: readonly string[]): HTMLElement | null {
  if (names.length === 0) return null;
  const items = names.slice(0, MOST_LISTED).map((name) => element('li', {}, name));
  const rest = names.length - items.length;
  if (rest > 0) items.push(element('li', {}, l10n.t('and {0} more', formatCount(rest))));
  return element('section', {}, element('h3', { class: 'plot-title' }, title), element('ul', {}, ...items));
}
