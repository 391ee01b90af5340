/**
 * The spectra of a layer's heads, parts or experts side by side. Each is computed by the engine as a layer of its own when a
 * person asks for them; they appear as they come, and what is not begun can be cancelled.
 */
import { CancellationTokenSource } from 'vscode-jsonrpc/browser';
import { l10n } from '../../../extension/shared/language/l10n';
import { problemText } from '../../../extension/shared/language/problemText';
import type { Host } from '../../connection';
import { button, dropdown } from '../../controls/controls';
import { element, type Child } from '../../controls/elements';
import { formatCount } from '../../numbers/format';
import type { Member } from '../../plots/multiples/members';
import { SpectrumGridPlot } from '../../plots/multiples/spectrumGridPlot';
import type { MemberGroup } from './memberGroups';

/** Spectra asked for at a time: the engine has the threads for them. */
const AT_ONCE = 2;

export class MultiplesPanel {
  readonly element = element('section', { class: 'multiples', 'aria-label': l10n.t('Spectra side by side') });
  private readonly status = element('div', { class: 'fit-test-status', role: 'status' });
  private readonly place = element('div');
  private running: CancellationTokenSource | null = null;
  private group: MemberGroup;

  /** @param groups at least one @param open called with a member that was chosen */
  constructor(
    private readonly host: Host,
    private readonly layer: string,
    groups: readonly MemberGroup[],
    private readonly open: (member: Member) => void,
  ) {
    this.group = groups[0]!;
    const choices = groups.map(({ label }) => ({ value: label, label }));
    const choose = dropdown(l10n.t('Spectra of'), choices, this.group.label, (label) => {
      this.group = groups.find((group) => group.label === label)!;
      this.cancel();
      this.place.replaceChildren();
      this.offer();
    });
    this.element.append(...(groups.length > 1 ? [choose] : []), this.status, this.place);
    this.offer();
  }

  /** Names what is drawn first. */
  get label(): string {
    return this.group.label;
  }

  /** The layer is no longer shown. */
  cancel(): void {
    this.running?.cancel();
    this.running = null;
  }

  private offer(...before: Child[]): void {
    const { members } = this.group;
    const start = button({
      label: l10n.t('Draw {0} Spectra Side by Side', formatCount(members.length)),
      icon: 'graph',
      title: l10n.t('One for each, on the same axes; those that are not known yet are computed'),
      onClick: () => void this.run(),
    });
    this.set(...before, start);
  }

  private async run(): Promise<void> {
    const source = new CancellationTokenSource();
    this.running = source;
    const { group, layer } = this;
    const plot = new SpectrumGridPlot(layer, group.label, this.open);
    plot.show(group.members);
    this.place.replaceChildren(plot.element);
    const hadFocus = this.status.contains(document.activeElement);
    const stop = button({ label: l10n.t('Cancel'), onClick: () => this.stop() });
    const bar = element('progress', { max: group.members.length, value: 0, 'aria-label': l10n.t('Spectra computed') });
    const count = element('span');
    this.set(bar, count, stop);
    if (hadFocus) stop.focus();
    let done = 0;
    const tell = (): void => {
      bar.value = done;
      count.textContent = l10n.t('{0} of {1}', done, group.members.length);
    };
    tell();
    const waiting = [...group.members];
    const work = async (): Promise<void> => {
      for (let member = waiting.shift(); member && this.running === source; member = waiting.shift()) {
        const { name } = member;
        try {
          const found = await this.host.request('spectrum', { layer: name }, source.token);
          if (this.running !== source) return;
          const { eigenvalues, layer: result } = found;
          const [problem] = result.problems;
          const none = result.noSpectrum ?? problem?.message;
          if (eigenvalues.length === 0) plot.add(name, { problem: none ?? l10n.t('it has no spectrum') });
          else plot.add(name, { eigenvalues, fit: result.fits.KS ?? null });
        } catch (error) {
          if (this.running !== source) return;
          plot.add(name, { problem: problemText(error) });
        }
        done += 1;
        tell();
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    if (this.running !== source) return;
    this.running = null;
    const wasThere = this.status.contains(document.activeElement);
    this.set();
    if (wasThere) plot.element.querySelector<SVGElement>('.cell-cursor')!.focus();
  }

  private stop(): void {
    this.cancel();
    this.offer();
    this.status.querySelector<HTMLElement>('vscode-button')!.focus();
  }

  private set(...children: Child[]): void {
    this.status.replaceChildren(...children.filter((child) => child instanceof Node || typeof child === 'string'));
  }
}
