/**
 * The person's settings in the protocol's terms. Defaults, types and ranges are declared in package.json. A value that
 * is not as declared is ignored, with a warning. In Restricted Mode a workspace's settings are ignored, too:
 * package.json lists them as restricted.
 */
import * as vscode from 'vscode';
import type { DeviceChoice } from '../shared/devices';
import { l10n } from '../shared/language/l10n';
import type { FitRule, InspectSettings } from '../shared/layers';
import { notificationText } from './plainText';
import { mismatch, type SettingSchema } from './settingValues';

const SECTION = 'eigenscope';

/** Those that count only for a new engine process. */
export const PROCESS_SETTINGS = [`${SECTION}.threads`, `${SECTION}.memoryLimitMB`];

/** Counts for a new engine process, and for the results: a person who chooses a device wants its numbers. */
export const DEVICE_SETTING = `${SECTION}.device`;

/** Those that change results. */
export const ANALYSIS_SETTINGS = [`${SECTION}.farms`, `${SECTION}.randomise`, `${SECTION}.shuffles`];

/** What the values are once they are as declared. */
interface Values {
  inspectOnOpen: boolean;
  exactUpTo: number;
  'farms.enabled': boolean;
  'farms.rows': number;
  'farms.q': number;
  'farms.ops': number;
  'farms.fit': FitRule;
  'farms.mode': InspectSettings['farms']['mode'];
  'farms.tolerance': number;
  randomise: boolean;
  shuffles: number;
  'hover.enabled': boolean;
  'codeLens.enabled': boolean;
  'links.enabled': boolean;
  'completion.enabled': boolean;
  threads: number;
  memoryLimitMB: number;
  device: DeviceChoice;
}

/** The schema of each setting, as package.json declares it. */
let schemas: Readonly<Record<string, SettingSchema>> = {};
let log: Pick<vscode.LogOutputChannel, 'warn'> | undefined;
let extensionId = '';

/** Values that were told of: each is logged once, and the first is shown. */
const told = new Set<string>();

/** Must come before any setting is read. */
export function useSettings(
  extension: vscode.Extension<unknown>,
  channel: Pick<vscode.LogOutputChannel, 'warn'>,
): void {
  const { contributes } = extension.packageJSON as {
    contributes: { configuration: { properties: Record<string, SettingSchema> } };
  };
  schemas = contributes.configuration.properties;
  extensionId = extension.id;
  log = channel;
  told.clear();
}

export function inspectSettings(): InspectSettings {
  return {
    farms: {
      enabled: value('farms.enabled'),
      rows: value('farms.rows'),
      q: value('farms.q'),
      ops: value('farms.ops'),
      fit: value('farms.fit'),
      mode: value('farms.mode'),
      tolerance: value('farms.tolerance'),
    },
    ...(value('randomise') && { randomise: true, shuffles: value('shuffles') }),
  };
}

/** Parameters of the largest model whose spectra are all computed without being asked for. */
export function exactUpTo(): number {
  return value('exactUpTo') * 1e9;
}

export function inspectOnOpen(): boolean {
  return value('inspectOnOpen');
}

export function hoverEnabled(): boolean {
  return value('hover.enabled');
}

/** Lines above calls that load a checkpoint. */
export function codeLensEnabled(): boolean {
  return value('codeLens.enabled');
}

/** Links from names and messages, in editors and in the terminal. */
export function linksEnabled(): boolean {
  return value('links.enabled');
}

export function completionEnabled(): boolean {
  return value('completion.enabled');
}

/** @throws where the settings file cannot be written */
export async function chooseDevice(device: DeviceChoice): Promise<void> {
  await vscode.workspace.getConfiguration(SECTION).update('device', device, vscode.ConfigurationTarget.Global);
}

/** Environment of the engine's process; 0 leaves the choice to the engine. */
export function engineEnvironment(cacheFolder: string): Record<string, string> {
  const threads = value('threads');
  const megabytes = value('memoryLimitMB');
  return {
    EIGENSCOPE_CACHE_DIR: cacheFolder,
    EIGENSCOPE_DEVICE: value('device'),
    ...(threads > 0 && { EIGENSCOPE_THREADS: String(threads) }),
    ...(megabytes > 0 && { EIGENSCOPE_MEMORY_MB: String(megabytes) }),
  };
}

/** Shows this extension's settings and no others: a search for its name also finds settings that mention it. */
export async function showSettings(): Promise<void> {
  await vscode.commands.executeCommand('workbench.action.openSettings', `@ext:${extensionId}`);
}

/** What is set nearest; where that is not as declared, the user's own value, and at last the default. */
function value<K extends keyof Values>(key: K): Values[K] {
  const schema = schemas[`${SECTION}.${key}`];
  if (!schema) throw new Error(`package.json declares no ${SECTION}.${key}`);
  const configuration = vscode.workspace.getConfiguration(SECTION);
  for (const candidate of [configuration.get(key), configuration.inspect(key)?.globalValue]) {
    if (candidate === undefined) continue;
    const wanted = mismatch(schema, candidate);
    if (wanted === undefined) return candidate as Values[K];
    tellOf(key, candidate, wanted);
  }
  return schema.default as Values[K];
}

function tellOf(key: string, given: unknown, wanted: string): void {
  const message = l10n.t(
    'The setting {0}.{1} does not count: it must be {2}, and is {3}.',
    SECTION,
    key,
    wanted,
    JSON.stringify(given),
  );
  if (told.has(message)) return;
  told.add(message);
  log?.warn(message);
  if (told.size === 1) void showOnce(message, key);
}

/** The others stand in the log: a settings file with ten mistakes is not ten notices. */
async function showOnce(message: string, key: string): Promise<void> {
  const open = l10n.t('Open Settings');
  const chosen = await vscode.window.showWarningMessage(`Eigenscope: ${notificationText(message)}`, open);
  if (chosen) await vscode.commands.executeCommand('workbench.action.openSettings', `@id:${SECTION}.${key}`);
}
