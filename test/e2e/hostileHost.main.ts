/**
 * Runs in the extension host of a window in Restricted Mode over a folder of hostile files: does what a person would, and
 * writes down what it cost. `hostileFolder.test.ts` judges.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import type { Inside } from '../../extension/host/main';
import { LoopWatch } from '../harness/loopWatch';
import { patience } from '../harness/machineSpeed';

export interface HostReport {
  trusted: boolean;
  /** Of the extension host's loop, by its own work. */
  stallMs: number;
  engineDeaths: number;
  hostMegabytes: number;
  engineMegabytes: number;
  /** The sound checkpoint among the hostile ones. */
  soundIsKnown: boolean;
  soundLayers: number;
  editors: number;
  rows: number;
  error?: string;
}

/** A loop that is held up for less in two seconds is calm. */
const CALM_MS = 50;

export async function run(): Promise<void> {
  const { EIGENSCOPE_HOSTILE_REPORT: file } = process.env;
  if (!file) throw new Error('EIGENSCOPE_HOSTILE_REPORT names no file');
  const report: Partial<HostReport> = { engineDeaths: 0, editors: 0 };
  try {
    await live(report);
  } catch (error) {
    report.error = error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  writeFileSync(file, JSON.stringify(report));
}

async function live(report: Partial<HostReport>): Promise<void> {
  const [folder] = vscode.workspace.workspaceFolders ?? [];
  const extension = vscode.extensions.getExtension<{ inside?: Inside }>('eigenscope.eigenscope');
  if (!folder || !extension) throw new Error('no folder, or no extension');
  report.trusted = vscode.workspace.isTrusted;
  report.rows = vscode.workspace.getConfiguration('eigenscope.farms').get('rows')!;
  const { inside: api } = await extension.activate();
  if (!api) throw new Error('VS Code does not know that it runs tests');
  await untilCalm();
  api.engine.events.on('state', (change) => {
    if (change.state !== 'running' && change.died) report.engineDeaths! += 1;
  });
  const watch = new LoopWatch();
  const source = await vscode.workspace.openTextDocument(vscode.Uri.joinPath(folder.uri, 'train.py'));
  const editor = await vscode.window.showTextDocument(source);
  await Promise.race([api.checkpoints.readHeaders(), pause(patience())]);
  report.soundIsKnown = api.checkpoints.indexed.index.find('sound.layer.fc').length > 0;
  for (let line = 0; line < source.lineCount; line++) {
    const at = new vscode.Position(line, Math.max(0, source.lineAt(line).text.indexOf('"') + 3));
    editor.selection = new vscode.Selection(at, at);
    await vscode.commands.executeCommand('editor.action.showHover');
    await pause(1500);
  }
  const hostile = readdirSync(path.join(folder.uri.fsPath, 'opened')).sort();
  for (const name of hostile) {
    const uri = vscode.Uri.joinPath(folder.uri, 'opened', name);
    await vscode.commands.executeCommand('vscode.openWith', uri, 'eigenscope.checkpoint');
    await pause(500);
    await api
      .session(uri)
      ?.summary()
      .catch(() => undefined);
    report.editors! += 1;
  }
  const uri = vscode.Uri.joinPath(folder.uri, 'sound.safetensors');
  await vscode.commands.executeCommand('vscode.openWith', uri, 'eigenscope.checkpoint');
  const end = Date.now() + patience();
  while ((report.soundLayers = api.session(uri)?.results.size ?? 0) < 1 && Date.now() < end) await pause(100);
  watch.stop();
  report.stallMs = watch.longestStall;
  report.hostMegabytes = megabytes(process.pid);
  report.engineMegabytes = api.engine.pid === undefined ? 0 : megabytes(api.engine.pid);
}

/** The most that the process ever held, where the system tells. */
function megabytes(pid: number): number {
  if (process.platform !== 'linux') return process.memoryUsage().rss / 1e6;
  const kilobytes = /VmHWM:\s*(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) / 1000;
}

/** Other extensions start, too, and hold up the loop that they share with ours: however long that takes, it is not ours. */
async function untilCalm(): Promise<void> {
  for (const end = Date.now() + patience(); Date.now() < end;) {
    const watch = new LoopWatch();
    await pause(2000);
    watch.stop();
    if (watch.longestStall < CALM_MS) return;
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
