/** "Choose Device…", also behind the status bar item: the platform's devices and what their trials said. */
import * as vscode from 'vscode';
import type { DeviceChoice, DeviceInfo, DeviceName } from '../../shared/devices';
import type { EngineClient } from '../engineClient';
import { chooseDevice } from '../settings';

interface DeviceItem extends vscode.QuickPickItem {
  device: DeviceChoice;
}

const TITLES: Readonly<Record<DeviceName, string>> = {
  cpu: 'CPU',
  webgpu: 'WebGPU',
  cuda: 'CUDA',
  dml: 'DirectML',
  coreml: 'Core ML',
};

export async function pickDevice(engine: EngineClient): Promise<void> {
  // A promise of items: the list opens at once, also while an engine starts.
  const items: Promise<DeviceItem[]> = engine.request('device', null).then(deviceItems);
  const chosen = await vscode.window.showQuickPick(items, {
    title: vscode.l10n.t('Eigenscope: What Multiplies Large Layers'),
    matchOnDetail: true,
  });
  if (chosen) await chooseDevice(chosen.device);
}

function deviceItems(info: DeviceInfo): DeviceItem[] {
  const item = (device: DeviceChoice, label: string, detail: string): DeviceItem => ({
    device,
    label: `${device === info.requested ? '$(check) ' : ''}${label}`,
    ...(device === info.provider && { description: vscode.l10n.t('in use, {0}', info.precision) }),
    detail,
  });
  return [
    item('auto', vscode.l10n.t('Automatic'), vscode.l10n.t('The fastest that passes its trial.')),
    ...info.available.map((device) => item(device, TITLES[device], trialText(info, device))),
  ];
}

/** What is known of a device, in words. */
export function trialText({ timings, refused, trying }: DeviceInfo, device: DeviceName): string {
  const reason = refused.find(({ provider }) => provider === device)?.reason;
  if (reason !== undefined) return vscode.l10n.t('Not used: {0}', reason);
  const seconds = timings.find(({ provider }) => provider === device)?.seconds;
  if (seconds !== undefined) return vscode.l10n.t('{0} s for the Gram matrix of a trial', seconds.toFixed(3));
  if (device === 'cpu') return vscode.l10n.t('Float64; always there.');
  return trying ? vscode.l10n.t('Being tried…') : vscode.l10n.t('Not tried yet.');
}
