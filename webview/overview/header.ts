/** The first lines of the view: what this checkpoint is, how large, of which types. */
import { copyNote } from '../../extension/shared/compression/savedNote';
import { l10n } from '../../extension/shared/language/l10n';
import type { CheckpointSummary } from '../../extension/shared/tensors';
import { fileName } from '../../extension/shared/names/fileName';
import { button, type Button } from '../controls/controls';
import { element, type Child } from '../controls/elements';
import { counted, formatBytes, formatCompact, formatCount, formatShare } from '../numbers/format';
import { setIcon, type IconName } from '../controls/icons';
import type { Inspection } from '../model/inspection';
import { metadataDetails } from './metadata';
import { Passes } from './passes';

export interface HeaderActions {
  inspectAll(): void;
  cancel(): void;
  /** @param owner the button, below which a menu opens */
  export(owner: HTMLElement): void;
  settings(): void;
  /** Plans the compression of the whole model. */
  compress(): void;
  /** Runs the model on a text. */
  evaluate(): void;
}

/** Colours for types in the bar; further ones share the last. */
const TYPE_COLOURS = 6;

/** An editor that inspects by itself begins within this time: until then nobody needs a button for it. */
const BEGINS_MS = 2000;

/** Up to here the header begins as one line: a side bar leaves a small window no more. As in header.css. */
const NARROW = '(max-width: 479px)';

/** Types narrower than this share are drawn this wide, so that they can be seen and pointed at. */
const LEAST_SHARE = 0.01;

export class Header {
  readonly element: HTMLElement;
  private readonly progress = element('div', { class: 'progress-track', role: 'progressbar', 'aria-valuemin': 0 });
  private readonly progressBar = element('div', { class: 'progress-bar' });
  private readonly passes: Passes;
  private readonly device = element('span');
  private readonly inspect: Button;
  /** In its place where there are estimates: exact spectra wait for a click. */
  private readonly exact: Button;
  private readonly cancel: Button;
  private readonly total: number;
  private mayAsk = false;
  private readonly unfold: Button;
  private readonly narrow = window.matchMedia(NARROW);
  /** Something else needs the room, whatever the width. */
  private yields = false;

  constructor(
    private readonly inspection: Inspection,
    actions: HeaderActions,
  ) {
    const { summary } = inspection;
    this.total = summary.tensors.reduce((sum, tensor) => sum + Math.max(1, tensor.layers.length), 0);
    this.passes = new Passes(inspection, this.total);
    this.exact = button({
      label: l10n.t('Compute Exact Spectra'),
      icon: 'play',
      appearance: 'primary',
      title: l10n.t('Replace the estimates by exact numbers'),
      onClick: () => actions.inspectAll(),
    });
    this.inspect = button({
      label: l10n.t('Inspect All'),
      icon: 'play',
      appearance: 'primary',
      title: l10n.t('Compute the spectra of all layers'),
      onClick: () => actions.inspectAll(),
    });
    this.unfold = button({
      ...{ label: l10n.t('Show what is known of the file'), icon: 'chevron-right', appearance: 'icon' },
      onClick: () => this.setFolded(!this.element.classList.contains('folded')),
    });
    this.unfold.hidden = true;
    this.cancel = button({
      ...{ label: l10n.t('Cancel'), icon: 'debug-stop', shrinks: true },
      onClick: () => actions.cancel(),
    });
    const iconButton = (label: string, name: IconName, onClick: () => void): Button =>
      button({ label, icon: name, appearance: 'icon', onClick });
    const keep = button({
      ...{ label: l10n.t('Export'), icon: 'export', shrinks: true },
      onClick: () => actions.export(keep),
    });
    const compress = button({
      ...{ label: l10n.t('Compress Model…'), icon: 'fold', shrinks: true },
      onClick: () => actions.compress(),
    });
    keep.setAttribute('aria-haspopup', 'menu');
    this.progress.setAttribute('aria-label', l10n.t('Layers inspected'));
    this.progress.append(this.progressBar);
    this.element = element(
      'header',
      { class: 'header' },
      element(
        'div',
        { class: 'header-line' },
        this.unfold,
        element('h1', { class: 'file-name', title: summary.path }, fileName(summary.path)),
        element('span', { class: 'badge' }, summary.format),
        element('span', { class: 'architecture' }, summary.architecture),
        copyFact(summary.metadata),
        element(
          'div',
          { class: 'header-actions' },
          this.passes.element,
          this.inspect,
          this.exact,
          this.cancel,
          hasMatrices(summary) && compress,
          ...(mayBeDecoder(summary)
            ? [
                button({
                  ...{ label: l10n.t('Evaluate…'), icon: 'beaker', shrinks: true },
                  title: l10n.t('Runs a language model on a text: its perplexity, and that of compressed copies'),
                  onClick: () => actions.evaluate(),
                }),
              ]
            : []),
          keep,
          iconButton(l10n.t('Settings'), 'settings-gear', () => actions.settings()),
        ),
      ),
      element('div', { class: 'header-line facts' }, ...facts(summary), this.device, ...typeMix(summary)),
      metadataDetails(summary.metadata),
      this.progress,
    );
    window.setTimeout(() => {
      this.mayAsk = true;
      this.refresh();
    }, BEGINS_MS);
    this.narrow.addEventListener('change', () => this.arrange());
    this.arrange();
    this.refresh();
  }

  /** One line stands above a layer, or above a plan. */
  fold(folded: boolean): void {
    this.yields = folded;
    this.arrange();
  }

  private arrange(): void {
    const folded = this.yields || this.narrow.matches;
    this.unfold.hidden = !folded;
    this.setFolded(folded);
  }

  private setFolded(folded: boolean): void {
    this.element.classList.toggle('folded', folded);
    const label = folded ? l10n.t('Show what is known of the file') : l10n.t('Hide what is known of the file');
    this.unfold.setAttribute('aria-label', label);
    this.unfold.setAttribute('aria-expanded', String(!folded));
    this.unfold.title = label;
    setIcon(this.unfold.firstElementChild as HTMLElement, folded ? 'chevron-right' : 'chevron-down');
  }

  refresh(): void {
    const { queue, quickQueue, looks, busy, inspected, precisions, changed } = this.inspection;
    const done = Math.min(this.total, inspected);
    const [inWork, queued] = [queue.done + quickQueue.done, queue.total + quickQueue.total];
    this.progress.hidden = !busy;
    this.cancel.hidden = !busy;
    const nothingToAsk = busy || done >= this.total || !this.mayAsk || changed !== null;
    this.inspect.hidden = nothingToAsk || looks.size > 0;
    this.exact.hidden = nothingToAsk || looks.size === 0;
    this.progress.setAttribute('aria-valuemax', String(queued));
    this.progress.setAttribute('aria-valuenow', String(inWork));
    this.progressBar.style.transform = `scaleX(${queued > 0 ? inWork / queued : 0})`;
    this.passes.refresh();
    this.device.hidden = precisions.size === 0;
    const [where, how] = computedOn(precisions);
    this.device.title = how;
    this.device.replaceChildren(...l10n.pieces('Computed on the {0}', element('b', {}, where)));
  }
}

/** Without a matrix there is nothing to plan. */
function hasMatrices({ tensors }: CheckpointSummary): boolean {
  return tensors.some(({ layers }) => layers.length > 0);
}

/** Formats that language models come in: whether this one can be run is said where it would run. */
const DECODER_FORMATS: readonly string[] = ['safetensors', 'pytorch', 'gguf'];

export function mayBeDecoder(summary: CheckpointSummary): boolean {
  return hasMatrices(summary) && DECODER_FORMATS.includes(summary.format);
}

function facts(summary: CheckpointSummary): HTMLElement[] {
  const { bytes, parameters, optimizer, beside, tensors, weightFiles } = summary;
  const fact = (title: string, ...text: Child[]): HTMLElement => element('span', { title }, ...text);
  const bold = (value: string): HTMLElement => element('b', {}, value);
  const all = tensors.length;
  const stored = tensors.filter(({ parameters: own, shape }) => own > 0 || shape.includes(0)).length;
  const size = bold(formatBytes(bytes));
  const files = (count: string): Child[] => l10n.pieces<'{0} in {1}', Child>('{0} in {1}', size, count);
  return [
    fact(formatCount(parameters), ...l10n.pieces('{0} parameters', bold(formatCompact(parameters)))),
    fact(counted('bytes', bytes), ...(weightFiles > 1 ? files(counted('files', weightFiles)) : [size])),
    fact(
      '',
      ...(stored === 1
        ? l10n.pieces('{0} tensor', bold(formatCount(stored)))
        : l10n.pieces('{0} tensors', bold(formatCount(stored)))),
    ),
    ...(stored < all
      ? [
          fact(
            l10n.t('Made of other tensors: products of factors, sums of parts'),
            ...l10n.pieces('{0} computed, not stored', bold(formatCount(all - stored))),
          ),
        ]
      : []),
    ...(optimizer
      ? [
          fact(
            counted('tensors', optimizer.tensors),
            ...l10n.pieces('{0} optimizer state', bold(formatBytes(optimizer.bytes))),
          ),
        ]
      : []),
    ...(beside
      ? [
          fact(
            counted('bytes', beside.bytes),
            ...l10n.pieces('{0} beside the model', bold(counted('tensors', beside.tensors))),
          ),
        ]
      : []),
  ];
}

/** Where the numbers were made, in words, and the arithmetic for those who want to know it. */
function computedOn(precisions: ReadonlySet<string>): [where: string, how: string] {
  const all = [...precisions].sort();
  const isProcessor = (each: string): boolean => /\b(cpu|wasm)\b/.test(each);
  const [onProcessor, onGraphics] = [all.some(isProcessor), !all.every(isProcessor)];
  const where = onProcessor && onGraphics ? l10n.t('CPU and the GPU') : onGraphics ? 'GPU' : 'CPU';
  return [where, all.join(', ')];
}

/** A slim bar of the shares of element types, with a legend that says them. */
function typeMix({ dtypes, parameters }: CheckpointSummary): Child[] {
  if (dtypes.length === 0 || parameters === 0) return [];
  const bar = element('span', { class: 'type-bar', 'aria-hidden': 'true' });
  const legend = dtypes.map(({ dtype, parameters: count }, i) => {
    const colour = `type-${Math.min(i, TYPE_COLOURS - 1)}`;
    const share = count / parameters;
    const part = element('span', { class: colour });
    part.style.flexGrow = String(Math.max(share, LEAST_SHARE));
    bar.append(part);
    const text = dtypes.length === 1 ? dtype : `${dtype} ${formatShare(share)}`;
    return element(
      'span',
      { class: 'type', title: l10n.t('{0} parameters', formatCount(count)) },
      element('i', { class: colour }),
      text,
    );
  });
  return [element('span', { class: 'type-mix' }, bar, ...legend)];
}

/** A compressed copy looks like any other model: it says that it is one. Null for everything else. */
function copyFact(metadata: CheckpointSummary['metadata']): HTMLElement | null {
  const note = copyNote(metadata);
  if (!note) return null;
  return element(
    'span',
    { class: 'badge copy' },
    note.detail === undefined ? note.title : `${note.title}: ${note.detail}`,
  );
}
