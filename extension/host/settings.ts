/** The person's settings in the protocol's terms. Defaults and ranges are declared in package.json. */
import * as vscode from 'vscode';
import type { DeviceChoice, FitRule, InspectSettings } from '../protocol';

const SECTION = 'eigenscope';

/** Those that count only for a new engine process. */
export const PROCESS_SETTINGS = [`${SECTION}.threads`, `${SECTION}.memoryLimitMB`];

/** Counts for a new engine process, and for the results: who asks for a device wants its numbers. */
export const DEVICE_SETTING = `${SECTION}.device`;

/** Those that change results. */
export const ANALYSIS_SETTINGS = [`${SECTION}.farms`, `${SECTION}.randomise`];

export function inspectSettings(): InspectSettings {
  const farms = vscode.workspace.getConfiguration(`${SECTION}.farms`);
  return {
    farms: {
      enabled: farms.get('enabled', true),
      rows: farms.get('rows', 2000),
      q: farms.get('q', 1),
      ops: farms.get('ops', 10),
      fit: farms.get<FitRule>('fit', 'xmin_peak'),
      mode: farms.get<InspectSettings['farms']['mode']>('mode', 'auto'),
      tolerance: farms.get('tolerance', 0.01),
    },
    ...(vscode.workspace.getConfiguration(SECTION).get<boolean>('randomise', false) && { randomise: true }),
  };
}

export function inspectOnOpen(): boolean {
  return vscode.workspace.getConfiguration(SECTION).get('inspectOnOpen', true);
}

export function hoverEnabled(): boolean {
  return vscode.workspace.getConfiguration(SECTION).get('hover.enabled', true);
}

/** @throws where the settings file cannot be written */
export async function chooseDevice(device: DeviceChoice): Promise<void> {
  await vscode.workspace.getConfiguration(SECTION).update('device', device, vscode.ConfigurationTarget.Global);
}

/** Environment of the engine's process; 0 leaves the choice to the engine. */
export function engineEnvironment(cacheFolder: string): Record<string, string> {
  const configuration = vscode.workspace.getConfiguration(SECTION);
  const threads = configuration.get<number>('threads', 0);
  const megabytes = configuration.get<number>('memoryLimitMB', 0);
  return {
    EIGENSCOPE_CACHE_DIR: cacheFolder,
    EIGENSCOPE_DEVICE: configuration.get<DeviceChoice>('device', 'auto'),
    ...(threads > 0 && { EIGENSCOPE_THREADS: String(threads) }),
    ...(megabytes > 0 && { EIGENSCOPE_MEMORY_MB: String(megabytes) }),
  };
}
