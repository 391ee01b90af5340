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
    title: 'Eigenscope: What Multiplies Large Layers',
    matchOnDetail: true,
  });
  if (chosen) await chooseDevice(chosen.device);
}

function deviceItems(info: DeviceInfo): DeviceItem[] {
  const item = (device: DeviceChoice, label: string, detail: string): DeviceItem => ({
    device,
    label: `${device === info.requested ? '$(check) ' : ''}${label}`,
    ...(device === info.provider && { description: `in use, ${info.precision}` }),
    detail,
  });
  return [
    item('auto', 'Automatic', 'The fastest that passes its trial.'),
    ...info.available.map((device) => item(device, TITLES[device], trialText(info, device))),
  ];
}

/** Says what is known about a device. */
export function trialText({ timings, refused, trying }: DeviceInfo, device: DeviceName): string {
  const reason = refused.find(({ provider }) => provider === device)?.reason;
  if (reason !== undefined) return `Not used: ${reason}`;
  const seconds = timings.find(({ provider }) => provider === device)?.seconds;
  if (seconds !== undefined) return `${seconds.toFixed(3)} s for the Gram matrix of a trial`;
  if (device === 'cpu') return 'Float64; always there.';
  return trying ? 'Being tried…' : 'Not tried yet.';
}
