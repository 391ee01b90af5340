/** The rank step of "Compress Layer…": suggestions with their error and size, and a live preview of what is typed. */
import * as vscode from 'vscode';
import type { CompressionPreview, RankRequest } from '../../shared/compressions';
import { l10n } from '../../shared/language/l10n';
import { ENERGIES } from '../../shared/ranks/energyShares';
import { problemText } from '../../shared/language/problemText';
import { visible } from '../../shared/visibleText';
import { whyNoSaving } from '../../shared/ranks/worthFactoring';
import type { CheckpointSession } from '../editor/checkpointSession';
import { listText } from '../plainText';
import { parseRank, rankText } from './rankInput';

/** Shown before anything is typed. */
const SUGGESTIONS: readonly RankRequest[] = [
  ...ENERGIES.map((energy) => ({ kind: 'energy', energy }) as const).reverse(),
  { kind: 'budget', budget: 0.5 },
  { kind: 'budget', budget: 0.25 },
];

interface RankItem extends vscode.QuickPickItem {
  request?: RankRequest;
}

/** @returns undefined where the person gave up */
export function chooseRank(
  session: CheckpointSession,
  layer: string,
  method: string,
): Promise<RankRequest | undefined> {
  const picker = vscode.window.createQuickPick<RankItem>();
  picker.title = l10n.t('Compress {0}: how far?', visible(layer));
  picker.placeholder = l10n.t('Rank (64), share of the energy (95% or 0.95) or of the parameters (0.5x)');
  // Before they are known, none should look like a choice.
  let suggestions: RankItem[] = [{ label: l10n.t('Computing…'), alwaysShow: true }];
  picker.items = suggestions;
  let typing = 0;

  const describe = async (item: RankItem, request: RankRequest): Promise<void> => {
    try {
      item.detail = previewText(await session.preview(layer, method, request));
    } catch (error) {
      item.detail = listText(problemText(error));
    }
  };
  const describeSuggestions = async (): Promise<void> => {
    picker.busy = true;
    suggestions = await suggestedItems(session, layer, method);
    if (typing === 0) {
      picker.items = suggestions;
      const first = suggestions.find(({ request }) => request);
      if (first) picker.activeItems = [first];
    }
    picker.busy = false;
  };
  picker.onDidChangeValue((value) => {
    const turn = ++typing;
    const request = parseRank(value);
    if (!request) {
      typing = value === '' ? 0 : turn;
      picker.items = value === '' ? suggestions : [notUnderstood(value)];
      return;
    }
    const item = itemFor(request);
    picker.items = [item];
    void describe(item, request).then(() => {
      if (turn === typing) picker.items = [{ ...item }];
    });
  });

  return new Promise((resolve) => {
    picker.onDidAccept(() => {
      const request = picker.activeItems[0]?.request;
      if (!request) return;
      resolve(request);
      picker.hide();
    });
    picker.onDidHide(() => {
      resolve(undefined);
      picker.dispose();
    });
    picker.show();
    void describeSuggestions();
  });
}

/** Those that save something first; below them, with the reason, those that do not. */
async function suggestedItems(session: CheckpointSession, layer: string, method: string): Promise<RankItem[]> {
  const saving: RankItem[] = [];
  const others: RankItem[] = [];
  let reason: string | undefined;
  for (const request of SUGGESTIONS) {
    const item: RankItem = { label: labelOf(request), alwaysShow: true, request };
    try {
      const preview = await session.preview(layer, method, request);
      reason = preview.notWorthFactoring && l10n.known(preview.notWorthFactoring);
      const found = whyNoSaving(preview.bytes.after / preview.bytes.before);
      const why = found && l10n.known(found);
      item.detail = previewText(preview);
      if (why === undefined) saving.push(item);
      else others.push({ ...item, label: `$(circle-slash) ${item.label}`, description: why });
    } catch (error) {
      others.push({
        label: `$(circle-slash) ${item.label}`,
        alwaysShow: true,
        detail: listText(problemText(error)),
      });
    }
  }
  const verdict = reason === undefined ? [] : [{ label: `$(info) ${reason}`, alwaysShow: true }];
  const separator = { label: l10n.t('No saving'), kind: vscode.QuickPickItemKind.Separator };
  return [...verdict, ...saving, ...(others.length > 0 ? [separator, ...others] : [])];
}

function itemFor(request: RankRequest): RankItem {
  return { label: labelOf(request), detail: l10n.t('Computing…'), alwaysShow: true, request };
}

function notUnderstood(value: string): RankItem {
  const label = l10n.t('"{0}" is not a rank', listText(value));
  return { label, detail: l10n.t('Type 64, 95%, 0.95 or 0.5x.'), alwaysShow: true };
}

function labelOf(request: RankRequest): string {
  switch (request.kind) {
    case 'rank':
      return l10n.t('Rank {0}', request.rank);
    case 'energy':
      return l10n.t('{0} of the energy', rankText(request));
    case 'budget':
      return l10n.t('{0} of the parameters', rankText(request).replace('x', ' ×'));
  }
}

function previewText(preview: CompressionPreview): string {
  const percent = (share: number): string =>
    share.toLocaleString(vscode.env.language, { style: 'percent', maximumSignificantDigits: 3 });
  const { bytes, multiply_adds: work } = preview;
  const sigma = preview.sigma_ratio.toLocaleString(vscode.env.language, { maximumSignificantDigits: 3 });
  const [size, speed] = [percent(bytes.after / bytes.before), percent(work.after / work.before)];
  // The list cuts what is long: the least important comes last, and what is equal is said once.
  const saved =
    size === speed
      ? l10n.t('{0} of the bytes and multiply-adds', size)
      : l10n.t('{0} of the bytes · {1} of the multiply-adds', size, speed);
  const error = percent(preview.relative_error);
  return l10n.t('rank {0} of {1} · error {2} · {3} · σₖ₊₁/σ₁ {4}', preview.rank, preview.fullRank, error, saved, sigma);
}
