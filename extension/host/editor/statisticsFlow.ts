/**
 * Where statistics of a model's inputs come from: a file, or for an ONNX model a run of it on inputs. Asks with VS Code's
 * own dialogs, shows how the run stands, and says what it could not measure.
 */
import path from 'node:path';
import * as vscode from 'vscode';
import type { CalibrationReport, ModelInputs } from '../../shared/modelRuns';
import type { StatisticsSummary } from '../../shared/compression/statistics';
import { l10n } from '../../shared/language/l10n';
import { notificationText } from '../plainText';
import type { CheckpointSession } from './checkpointSession';
import { modelRunProgress } from './modelRunProgress';
import { chooseStatisticsFile } from './planFiles';

const TITLE = l10n.t('Use Statistics');

const SOURCES = [
  {
    source: 'file',
    label: l10n.t('A File of Statistics…'),
    detail: l10n.t('of a calibration (safetensors), or an imatrix of llama.cpp'),
  },
  {
    source: 'inputs',
    label: l10n.t('Run the Model on a File of Inputs…'),
    detail: l10n.t('.npz with an array for each input, or .npy for a model of one input'),
  },
  { source: 'folder', label: l10n.t('Run the Model on a Folder of Inputs…'), detail: l10n.t('of .npz and .npy files') },
  {
    source: 'random',
    label: l10n.t('Run the Model on Random Inputs…'),
    detail: l10n.t('Only to try things out: random inputs say nothing of real ones, and are marked.'),
  },
] as const;

const MOST_SAMPLES = 100_000;

/**
 * @param source the checkpoint's URI: dialogs start beside it
 * @returns null where the person cancelled
 * @throws what the engine throws
 */
export async function askStatistics(
  session: CheckpointSession,
  source: vscode.Uri,
  format: string,
): Promise<StatisticsSummary | null> {
  const chosen =
    format === 'onnx'
      ? await vscode.window.showQuickPick(SOURCES, {
          title: TITLE,
          placeHolder: l10n.t('Statistics of the inputs'),
          ignoreFocusOut: true,
        })
      : SOURCES[0];
  if (!chosen) return null;
  const file =
    chosen.source === 'file'
      ? await chooseStatisticsFile(source)
      : await calibrated(session, source, await askInputs(chosen.source, source));
  return file === undefined ? null : session.inEngine.askNumbers('useStatistics', { path: file });
}

/** @returns undefined where the person cancelled */
async function askInputs(
  kind: Exclude<(typeof SOURCES)[number]['source'], 'file'>,
  source: vscode.Uri,
): Promise<ModelInputs | undefined> {
  if (kind === 'random') return askRandom();
  const isFolder = kind === 'folder';
  const chosen = await vscode.window.showOpenDialog({
    ...{ canSelectMany: false, canSelectFiles: !isFolder, canSelectFolders: isFolder },
    defaultUri: vscode.Uri.joinPath(source, '..'),
    ...(!isFolder && { filters: { [l10n.t('NumPy arrays')]: ['npz', 'npy'] } }),
    title: l10n.t('Use Statistics: Inputs of the Model'),
    openLabel: l10n.t('Run the Model'),
  });
  return chosen?.[0] && { kind: 'files', path: chosen[0].fsPath };
}

async function askRandom(): Promise<ModelInputs | undefined> {
  const samples = await vscode.window.showInputBox({
    title: TITLE,
    prompt: l10n.t('How many random inputs?'),
    value: '16',
    validateInput: (text) =>
      /^\d+$/.test(text) && Number(text) >= 1 && Number(text) <= MOST_SAMPLES
        ? undefined
        : l10n.t('A whole number from 1 to {0}', MOST_SAMPLES),
  });
  if (samples === undefined) return undefined;
  const shapes = await vscode.window.showInputBox({
    title: TITLE,
    prompt: l10n.t(
      'Shapes of inputs that have axes without a size, as in input_ids=1,128 mask=1,128; empty if there are none',
    ),
    validateInput: (text) => (shapesIn(text) ? undefined : l10n.t('Names and sizes, as in input_ids=1,128 mask=1,128')),
  });
  if (shapes === undefined) return undefined;
  return { kind: 'random', samples: Number(samples), seed: 0, shapes: shapesIn(shapes) ?? {} };
}

/** @returns undefined for what is no list of shapes */
export function shapesIn(text: string): Record<string, number[]> | undefined {
  const parts = text.split(/\s+/).filter((part) => part !== '');
  const shapes: [string, number[]][] = [];
  for (const part of parts) {
    const at = part.lastIndexOf('=');
    const sizes = part.slice(at + 1);
    if (at < 1 || !/^(?:\d{1,9}(?:,\d{1,9})*)?$/.test(sizes)) return undefined;
    shapes.push([part.slice(0, at), sizes === '' ? [] : sizes.split(',').map(Number)]);
  }
  return Object.fromEntries(shapes);
}

/** @returns the new file; undefined where the person cancelled */
async function calibrated(
  session: CheckpointSession,
  source: vscode.Uri,
  inputs: ModelInputs | undefined,
): Promise<string | undefined> {
  if (!inputs) return undefined;
  // The name goes into plans: it says what the file says of itself.
  const kind = inputs.kind === 'random' ? 'random-inputs' : 'statistics';
  const name = `${path.parse(source.fsPath).name}.${kind}.safetensors`;
  const target = await vscode.window.showSaveDialog({
    defaultUri: vscode.Uri.joinPath(source, '..', name),
    filters: { [l10n.t('Statistics')]: ['safetensors'] },
    title: l10n.t('Use Statistics: Save Them As'),
    saveLabel: l10n.t('Run the Model'),
  });
  if (!target) return undefined;
  // The dialog has asked whether an existing file may go.
  const request = { inputs, target: target.fsPath, overwrite: true };
  const title = l10n.t('Running {0}', notificationText(path.basename(source.fsPath)));
  const report = await modelRunProgress(session, title, (token) =>
    session.inEngine.askNumbers('calibrate', { request }, token),
  );
  if (report) tellLeft(report);
  return report?.path;
}

/** Layers that were not measured, and what else should be known: not awaited, the statistics are used at once. */
function tellLeft({ left, notes }: CalibrationReport): void {
  const [first] = left;
  const missing = first
    ? [
        l10n.t(
          '{0} of the layers could not be measured, the first of them {1}: {2}.',
          left.length,
          first.layer,
          first.why,
        ),
      ]
    : [];
  const text = [...missing, ...notes].map(notificationText).join(' ');
  if (text !== '') void vscode.window.showWarningMessage(text);
}
