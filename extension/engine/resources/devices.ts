/**
 * Chooses the device that multiplies the Gram matrices of large layers: tried once, when the first layer could gain
 * from it, and given up for the rest of the process if it fails in use.
 */
import type { ProductSource } from '../../linalg/products/productTypes';
import type { GramDevice, OpenGramDevice } from '../../linalg/devices/gramDevice';
import { openGramDevice } from '../../linalg/devices/gramDevice';
import type { DeviceTrial } from '../../linalg/devices/deviceTrial';
import { shortReason } from '../../linalg/products/shortReason';
import { acceleratorsOf, PROVIDERS, type Accelerator } from '../../linalg/devices/providers';
import type { DeviceChoice, DeviceInfo } from '../../shared/devices';
import { trialProcess, type OnnxruntimeVerdict, type RunTrial } from './trialProcess';

/** Smaller Gram matrices are made in less time than it takes to try a device, or to reach one. */
const AUTO_MIN_ORDER = 1024;

/** Layers wait for a trial: nobody should wait longer for a device they did not ask for. */
const AUTO_LIMIT_MS = 8000;

/** The driver of a device that was asked for by name may compile for as long as this. */
const NAMED_LIMIT_MS = 120_000;

/** A device must beat the CPU by more than timings scatter. */
const MIN_ADVANTAGE = 1.25;

export interface DeviceOptions {
  request: DeviceChoice;
  /** Device that was in use when a former engine process died. */
  died?: Accelerator;
  /** Hears of every change. */
  onChange: () => void;
  /** Tells if onnxruntime, which drives every device here, can be used at all. */
  onnxruntime: () => Promise<OnnxruntimeVerdict>;
  platform?: NodeJS.Platform;
  trial?: RunTrial;
  open?: OpenGramDevice;
}

export class Devices {
  private readonly available: Accelerator[];
  private readonly timings: DeviceInfo['timings'] = [];
  private readonly refused: DeviceInfo['refused'] = [];
  private chosen: Promise<GramDevice | undefined> | undefined;
  private current: GramDevice | undefined;
  private trying = false;

  constructor(private readonly options: DeviceOptions) {
    this.available = acceleratorsOf(options.platform ?? process.platform);
  }

  /** The device for a Gram matrix of this order; undefined where the CPU is to make it. Never rejects. */
  async forOrder(order: number): Promise<GramDevice | undefined> {
    const { request } = this.options;
    if (request === 'cpu' || (request === 'auto' && order < AUTO_MIN_ORDER)) return undefined;
    return (this.chosen ??= this.choose());
  }

  /** Begins the trial of a device that was asked for by name: people want to know what comes of it. */
  beginNamed(): void {
    if (this.options.request !== 'auto') void this.forOrder(Infinity);
  }

  private async choose(): Promise<GramDevice | undefined> {
    this.trying = true;
    const trials: DeviceTrial[] = [];
    const candidates = this.candidates();
    const usable = candidates.length > 0 && 'loads' in (await this.options.onnxruntime());
    for (const provider of candidates) {
      if (!usable) this.refuse(provider, 'onnxruntime cannot be used');
      const trial = usable ? await this.tried(provider) : undefined;
      if (trial) trials.push(trial);
    }
    trials.sort((a, b) => (a.seconds ?? Infinity) - (b.seconds ?? Infinity));
    for (const [index, trial] of trials.entries()) {
      if (this.current) this.refuse(trial.provider, `slower than ${trials[index - 1]!.provider}`);
      else this.current = await this.open(trial);
    }
    this.trying = false;
    this.options.onChange();
    return this.current;
  }

  private candidates(): Accelerator[] {
    const { request, died } = this.options;
    const named = request === 'auto' || request === 'cpu' ? this.available : [request];
    return named.filter((provider) => {
      if (!this.available.includes(provider)) {
        this.refuse(provider, `${PROVIDERS[provider].title} does not exist on this platform`);
      } else if (provider === died) {
        this.refuse(provider, 'the engine died while it was in use; restart the engine to try it again');
      } else return true;
      return false;
    });
  }

  /** Undefined where the device is refused. */
  private async tried(provider: Accelerator): Promise<DeviceTrial | undefined> {
    const auto = this.options.request === 'auto';
    const verdict = await (this.options.trial ?? trialProcess())(provider, auto ? AUTO_LIMIT_MS : NAMED_LIMIT_MS);
    if ('refused' in verdict) {
      this.refuse(provider, verdict.refused);
      return undefined;
    }
    const { trial } = verdict;
    const { seconds, cpuSeconds } = trial;
    if (!this.timings.some((timing) => timing.provider === 'cpu')) {
      this.timings.push({ provider: 'cpu', seconds: cpuSeconds });
    }
    if (seconds !== null) this.timings.push({ provider, seconds });
    if (!auto || (seconds !== null && seconds * MIN_ADVANTAGE <= cpuSeconds)) return trial;
    const time = seconds === null ? 'some seconds' : `${seconds.toFixed(3)} s`;
    this.refuse(provider, `too slow: ${time} for a Gram matrix that takes the CPU ${cpuSeconds.toFixed(3)} s`);
    return undefined;
  }

  private async open({ provider, arithmetic, rate }: DeviceTrial): Promise<GramDevice | undefined> {
    try {
      const device = await (this.options.open ?? openGramDevice)(provider, arithmetic);
      device.rate = rate;
      return device;
    } catch (error) {
      this.refuse(provider, `passed its trial, but could not be opened: ${reasonOf(error)}`);
      return undefined;
    }
  }

  private refuse(provider: Accelerator, reason: string): void {
    this.refused.push({ provider, reason });
  }

  /** A device failed in use: the CPU does the rest. */
  async lost(device: GramDevice, error: unknown): Promise<void> {
    if (this.current !== device) return; // another layer found it out first
    this.current = undefined;
    this.chosen = Promise.resolve(undefined);
    this.refuse(device.provider, `failed while it was in use: ${reasonOf(error)}`);
    this.options.onChange();
    // A lost device may fail to be released as well, which changes nothing.
    await device.release().catch(() => undefined);
  }

  info(products: ProductSource, threads: number): DeviceInfo {
    return {
      requested: this.options.request,
      provider: this.current?.provider ?? products.provider,
      precision: this.current?.precision ?? products.precision,
      available: [...this.available, 'cpu'],
      trying: this.trying,
      timings: [...this.timings],
      refused: [...products.refused, ...this.refused],
      threads,
    };
  }

  async dispose(): Promise<void> {
    const device = await this.chosen;
    this.current = undefined;
    this.chosen = Promise.resolve(undefined);
    await device?.release();
  }
}

/** What a device's failure was, in a line. */
export function reasonOf(error: unknown): string {
  return shortReason(error instanceof Error ? error.message : String(error));
}
