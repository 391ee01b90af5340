/** "Choose Device…", also behind the status bar item: the platform's devices and what their trials said. */
import * as vscode from 'vscode';
import type { DeviceChoice, DeviceInfo } from '../../shared/devices';
import { l10n } from '../../shared/language/l10n';
import { DEVICE_TITLES } from '../../shared/deviceTitle';
import { trialText } from '../deviceText';
import type { EngineClient } from '../engineClient';
import { chooseDevice } from '../settings';

interface DeviceItem extends vscode.QuickPickItem {
  device: DeviceChoice;
}

export async function pickDevice(engine: EngineClient): Promise<void> {
  // A promise of items: the list opens at once, also while an engine starts.
  const items: Promise<DeviceItem[]> = engine.request('device', null).then(deviceItems);
  const chosen = await vscode.window.showQuickPick(items, {
    title: l10n.t('Eigenscope: What Multiplies Large Layers'),
    matchOnDetail: true,
  });
  if (chosen) await chooseDevice(chosen.device);
}

function deviceItems(info: DeviceInfo): DeviceItem[] {
  const item = (device: DeviceChoice, label: string, detail: string): DeviceItem => ({
    device,
    label: `${device === info.requested ? '$(check) ' : ''}${label}`,
    ...(device === info.provider && { description: l10n.t('in use, {0}', info.precision) }),
    detail,
  });
  return [
    item('auto', l10n.t('Automatic'), l10n.t('The fastest that passes its trial.')),
    ...info.available.map((device) => item(device, DEVICE_TITLES[device], trialText(info, device))),
  ];
}
