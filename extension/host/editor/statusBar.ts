/** The status bar item: the device that computes, and how far the queues of all open checkpoints are. */
import * as vscode from 'vscode';
import type { DeviceInfo } from '../../shared/devices';
import { l10n } from '../../shared/language/l10n';
import type { CheckpointSession } from './checkpointSession';
import { DEVICE_TITLES, deviceTitle } from '../../shared/deviceTitle';
import { deviceSentence, trialText } from '../deviceText';
import type { EngineClient } from '../engineClient';

export class StatusBar {
  private readonly item = vscode.window.createStatusBarItem('eigenscope.engine', vscode.StatusBarAlignment.Right, 100);
  private readonly queues = new Map<CheckpointSession, { done: number; total: number }>();
  private device: DeviceInfo | undefined;
  private state: 'running' | 'restarting' | 'stopped' = 'running';

  constructor(
    private readonly engine: EngineClient,
    private readonly log: vscode.LogOutputChannel,
  ) {
    this.item.name = 'Eigenscope';
    this.item.command = 'eigenscope.chooseDevice';
    engine.events.on('state', ({ state }) => {
      this.state = state;
      this.device = undefined;
      this.queues.clear();
      this.render();
      if (state === 'running' && this.watching > 0) this.askDevice();
    });
    engine.events.on('device', (device) => {
      this.useDevice(device);
      this.render();
    });
  }

  private watching = 0;

  watch(session: CheckpointSession): void {
    this.watching += 1;
    session.on('queue', ({ done, total }) => {
      if (done < total) this.queues.set(session, { done, total });
      else this.queues.delete(session);
      if (!this.device) this.askDevice();
      this.render();
    });
    session.onDispose(() => {
      this.watching -= 1;
      this.queues.delete(session);
      this.render();
    });
    this.render();
  }

  dispose(): void {
    this.item.dispose();
  }

  private asking = false;

  private askDevice(): void {
    if (this.asking) return;
    this.asking = true;
    this.engine
      .request('device', null)
      .then((device) => this.useDevice(device))
      .catch((error: unknown) => this.log.warn(`the engine did not name its device: ${String(error)}`))
      .finally(() => {
        this.asking = false;
        this.render();
      });
  }

  private useDevice(device: DeviceInfo): void {
    this.device = device;
    const { provider, precision, threads, requested, timings, refused } = device;
    this.log.info(`computing on ${provider}, ${precision}, ${threads} threads (device: ${requested})`);
    for (const timing of timings) this.log.info(`trial on ${timing.provider}: ${timing.seconds.toFixed(3)} s`);
    for (const { provider: other, reason } of refused) {
      // What was asked for, worked until now, or does the work elsewhere, is missed: the rest is for who wonders.
      const missed = other === requested || other === 'cpu' || reason.startsWith('failed');
      const level = missed ? 'warn' : 'info';
      this.log[level](`${other} is not used: ${reason}`);
    }
  }

  private render(): void {
    if (this.watching === 0) {
      this.item.hide();
      return;
    }
    let done = 0;
    let total = 0;
    for (const queue of this.queues.values()) {
      done += queue.done;
      total += queue.total;
    }
    const icon = this.state === 'stopped' ? 'error' : total > 0 || this.state === 'restarting' ? 'sync~spin' : 'pulse';
    const text = this.text(done, total);
    this.item.text = `$(${icon}) ${text}`;
    this.item.tooltip = this.tooltip(done, total);
    this.item.accessibilityInformation = { label: text };
    this.item.backgroundColor =
      this.state === 'stopped' ? new vscode.ThemeColor('statusBarItem.errorBackground') : undefined;
    this.item.show();
  }

  private text(done: number, total: number): string {
    if (this.state === 'stopped') return l10n.t('Eigenscope: engine off');
    if (this.state === 'restarting') return l10n.t('Eigenscope: engine restarts');
    const device = this.device && deviceTitle(this.device.provider);
    const progress = total > 0 ? l10n.t('{0} of {1} layers', done, total) : undefined;
    const known = [device, progress].filter((part) => part !== undefined);
    return known.length === 0 ? 'Eigenscope' : `Eigenscope: ${known.join(', ')}`;
  }

  private tooltip(done: number, total: number): string {
    if (this.state === 'stopped') return l10n.t('Eigenscope: the engine stays off until it is restarted.');
    if (this.state === 'restarting') return l10n.t('Eigenscope: the engine restarts.');
    if (!this.device) return 'Eigenscope';
    const { available, refused } = this.device;
    const slower = refused.some((each) => each.provider === 'cpu');
    const lines = [
      deviceSentence(this.device),
      ...(slower ? [l10n.t('That is slower than onnxruntime, which cannot be used here.')] : []),
      ...(total > 0 ? [l10n.t('{0} of {1} layers done.', done, total)] : []),
      ...available.map((device) => `${DEVICE_TITLES[device]}: ${trialText(this.device!, device)}`),
      l10n.t('Click to choose a device.'),
    ];
    return lines.join('\n');
  }
}
