/** What multiplies matrices in this process: onnxruntime, or the built-in kernels in its place, and devices beside them. */
import type { Accelerator } from '../../linalg/devices/providers';
import { createMatrixProducts } from '../../linalg/products/matrixProducts';
import { openOnnxProducts } from '../../linalg/products/onnxProducts';
import type { MatrixProducts, ProductSource } from '../../linalg/products/productTypes';
import { kernelSingleProducts, openSingleProducts, type SingleProducts } from '../../linalg/products/singleProducts';
import type { DeviceChoice, DeviceInfo } from '../../shared/devices';
import { Devices } from './devices';
import { tryOnnxruntime, type OnnxruntimeVerdict } from './trialProcess';

/** What multiplies where no layer was large enough for onnxruntime. */
const WORKER_KERNELS: ProductSource = { provider: 'wasm', precision: 'float64', refused: [], threads: 1 };

export interface HardwareOptions {
  device: DeviceChoice;
  /** Device that was in use when a former engine process died: not tried again. */
  diedDevice?: Accelerator | undefined;
  /** Number of worker threads, shown with the device. */
  threads: number;
  /** A device was tried, or failed while in use. */
  onChange: (device: DeviceInfo) => void;
}

export class Hardware {
  readonly devices: Devices;
  private loading: Promise<MatrixProducts> | undefined;
  private loadingSingles: Promise<SingleProducts> | undefined;
  private trial: Promise<OnnxruntimeVerdict> | undefined;

  constructor(private readonly options: HardwareOptions) {
    this.devices = new Devices({
      request: options.device,
      ...(options.diedDevice && { died: options.diedDevice }),
      onChange: () => void this.infoInUse().then(options.onChange),
      onnxruntime: () => this.onnxruntime(),
    });
  }

  /** Loads onnxruntime when first asked. If it cannot be loaded, the built-in kernels multiply. */
  readonly products = (): Promise<MatrixProducts> =>
    (this.loading ??= createMatrixProducts(async () => {
      const verdict = await this.onnxruntime();
      if ('refused' in verdict) throw new Error(verdict.refused);
      return openOnnxProducts();
    }));

  /** Single-precision products for estimates, of the same library. */
  readonly singles = (): Promise<SingleProducts> =>
    (this.loadingSingles ??= this.products().then(({ device }) =>
      device.provider === 'cpu' ? openSingleProducts() : kernelSingleProducts(),
    ));

  /** As far as it is known; begins the trial of a device that was asked for by name. */
  async info(): Promise<DeviceInfo> {
    this.devices.beginNamed();
    const { device } = await this.products();
    return this.devices.info(device, this.options.threads);
  }

  /** What was used until now, without loading anything for the answer. */
  async infoInUse(): Promise<DeviceInfo> {
    const products = await this.loading;
    return this.devices.info(products?.device ?? WORKER_KERNELS, this.options.threads);
  }

  async dispose(): Promise<void> {
    await this.devices.dispose();
    if (this.loadingSingles) await (await this.loadingSingles).dispose();
    if (this.loading) await (await this.loading).dispose();
  }

  /** Tried once, in another process: loading a library that ends its process must not end this one. */
  private onnxruntime(): Promise<OnnxruntimeVerdict> {
    return (this.trial ??= tryOnnxruntime());
  }
}
