/** What a person must know before the numbers: problems of the file, a file that changed, an engine in trouble. */
import { l10n } from '../../extension/shared/language/l10n';
import type { Problem, ShardOfModel } from '../../extension/shared/tensors';
import { fileName } from '../../extension/shared/names/fileName';
import { button } from '../controls/controls';
import { element, type Child } from '../controls/elements';
import { counted, formatCount } from '../numbers/format';
import { icon } from '../controls/icons';
import type { Inspection } from '../model/inspection';

/** Problems beyond this many are counted, not listed: ten thousand lines help nobody. */
const MOST_LISTED = 200;

/** Layers that a sentence names. */
const MOST_NAMED = 3;

export class Banners {
  readonly element = element('section', { class: 'banners', 'aria-label': l10n.t('Messages') });
  private readonly live = element('div', { 'aria-live': 'polite' });
  private shown = '';

  constructor(
    private readonly inspection: Inspection,
    private readonly reload: () => void,
    private readonly inspect: (names: string[]) => void,
    openWhole: () => void,
  ) {
    const { problems, shard } = inspection.summary;
    if (shard) this.element.append(shardBanner(shard, openWhole));
    this.element.append(this.live, ...(problems.length > 0 ? [problemList(problems, inspection.summary.path)] : []));
    this.refresh();
  }

  refresh(): void {
    const { changed, engine } = this.inspection;
    const crashed = [...this.inspection.crashed];
    const state = JSON.stringify([changed, engine, crashed]);
    if (state === this.shown) return;
    this.shown = state;
    const banners: HTMLElement[] = [];
    if (changed) {
      const again = button({ label: l10n.t('Reload'), icon: 'refresh', onClick: this.reload });
      banners.push(banner('warning', `${place(changed)}${l10n.known(changed.message)}`, again));
    }
    if (engine && engine.state !== 'running') {
      const restarting = engine.state === 'restarting';
      const { failed } = engine;
      const again = button({ label: l10n.t('Restart Engine'), icon: 'refresh', onClick: this.reload });
      const stopped = failed.length > 0 ? [l10n.t('It stopped on {0}.', failed.join(', '))] : [];
      const text = [engine.message, ...stopped].join(' ');
      banners.push(banner(restarting ? 'warning' : 'error', text, restarting ? null : again));
    }
    // Goes when they have numbers; nothing can be asked of an engine that is away, nor of files that changed.
    if (crashed.length > 0 && !changed && (engine?.state ?? 'running') === 'running') {
      const again = button({ label: l10n.t('Inspect Again'), icon: 'refresh', onClick: () => this.inspect(crashed) });
      const names = crashed.slice(0, MOST_NAMED).join(', ');
      const others = crashed.length - MOST_NAMED;
      const text =
        others > 0
          ? l10n.t('The engine stopped while it worked on {0} and {1} more.', names, formatCount(others))
          : l10n.t('The engine stopped while it worked on {0}.', names);
      banners.push(banner('warning', text, again));
    }
    this.live.replaceChildren(...banners);
  }
}

/** A shard looks like a small model with layers missing. */
function shardBanner({ number, total, whole }: ShardOfModel, openWhole: () => void): HTMLElement {
  const text = l10n.t('This file is shard {0} of {1} of a model.', formatCount(number), formatCount(total));
  if (whole === undefined) return banner('info', `${text} ${l10n.t('Not all of the others lie beside it.')}`, null);
  return banner('info', text, button({ label: l10n.t('Open the Whole Model'), onClick: openWhole }));
}

export function banner(kind: 'info' | 'warning' | 'error', text: string, ...actions: Child[]): HTMLElement {
  const several = actions.filter(Boolean).length > 1;
  // They go below the text together.
  const last = several ? [element('div', { class: 'banner-actions' }, ...actions)] : actions;
  return element('div', { class: `banner ${kind}` }, icon(kind), element('p', {}, text), ...last);
}

/** One is said at once; several wait behind their number. */
function problemList(problems: readonly Problem[], path: string): HTMLElement {
  const [first, second] = problems;
  if (first && !second) return banner('warning', `${place(first)}${l10n.known(first.message)}`, null);
  const items = problems.slice(0, MOST_LISTED).map((problem) => {
    const where = place(problem);
    return element('li', {}, where ? element('b', {}, where) : null, shortened(l10n.known(problem.message), path));
  });
  const rest = problems.length - items.length;
  if (rest > 0) items.push(element('li', {}, l10n.t('and {0} more', formatCount(rest))));
  return element(
    'details',
    { class: 'banner warning problems' },
    element('summary', {}, icon('warning'), l10n.t('{0} in this checkpoint', counted('problems', problems.length))),
    element('ul', {}, ...items),
  );
}

/** Without the path that the page's title says already: of other files of the checkpoint the name is enough. */
function shortened(message: string, path: string): string {
  if (message.startsWith(path)) return message.slice(path.length).replace(/^[,:] /, '');
  const folder = path.slice(0, Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);
  return message.startsWith(folder) ? message.slice(folder.length) : message;
}

function place({ file, offset, tensor, message }: Problem): string {
  const parts = [
    file !== undefined && !message.includes(file) && fileName(file),
    tensor !== undefined && !message.includes(tensor) && l10n.t('tensor {0}', tensor),
    offset !== undefined && !message.includes(String(offset)) && l10n.t('byte {0}', formatCount(offset)),
  ].filter((part) => typeof part === 'string');
  return parts.length > 0 ? `${parts.join(', ')}: ` : '';
}
