/** The engine's side of a worker's products: onnxruntime, which only the main thread may use. @see ProductHost */
import { BandFilter } from '../../linalg/eigen/bandFilter';
import { reduceToBandMatrix, type PanelReflectors } from '../../linalg/eigen/bandReduction';
import type { BandMatrix, Interval } from '../../linalg/kernels/bandMatrix';
import { applyPanels } from '../../linalg/eigen/bandVectors';
import { SymmetricSlabs } from '../../linalg/gram/symmetricSlabs';
import { loadKernels } from '../../linalg/kernels/loadKernels';
import type { MatrixProducts, Multiply } from '../../linalg/products/productTypes';
import type { Progress } from './workerCalls';

/** Calls of the worker by name; what has no result answers null. */
export interface ServedCalls {
  multiply: (params: { operands: Parameters<Multiply> }) => Promise<AnsweredProduct>;
  beginGram: (params: { n: number }) => Promise<null>;
  addGram: (params: { x: Float64Array; k: number }) => Promise<null>;
  reduce: (params: null, onProgress: Progress) => Promise<BandMatrix>;
  filter: (
    params: { x: Float64Array; count: number; degree: number; damped: Interval },
    onProgress: Progress,
  ) => Promise<Float64Array>;
  transform: (params: { x: Float64Array; count: number }, onProgress: Progress) => Promise<Float64Array>;
}

export interface AnsweredProduct {
  product: Float64Array;
  /** What the operands came in, handed back. */
  lent: ArrayBuffer[];
}

/** Serves one lease of a worker. */
export class ProductServer implements ServedCalls {
  private gram: SymmetricSlabs | undefined;
  private reduced: { band: BandMatrix; panels: PanelReflectors[] } | undefined;
  private filterOf: { damped: Interval; filter: BandFilter } | undefined;

  constructor(
    private readonly products: MatrixProducts,
    private readonly signal: AbortSignal,
  ) {}

  readonly multiply: ServedCalls['multiply'] = async ({ operands }) => {
    const product = await this.products.multiply(...operands);
    const [a, b] = operands;
    return { product, lent: [...new Set([a, b].map(({ buffer }) => buffer as ArrayBuffer))] };
  };

  readonly beginGram: ServedCalls['beginGram'] = ({ n }) => {
    this.forget();
    this.gram = new SymmetricSlabs(n);
    return Promise.resolve(null);
  };

  readonly addGram: ServedCalls['addGram'] = async ({ x, k }) => {
    await this.begun(this.gram).addGram(this.products, x, k, this.signal);
    return null;
  };

  readonly reduce: ServedCalls['reduce'] = async (_, onProgress) => {
    const gram = this.begun(this.gram);
    this.gram = undefined;
    gram.mirrorBlocks();
    const keep: PanelReflectors[] = [];
    const { products, signal } = this;
    const band = await reduceToBandMatrix(gram, { products, kernels: loadKernels(), signal, onProgress, keep });
    this.reduced = { band, panels: keep };
    return band;
  };

  readonly filter: ServedCalls['filter'] = async ({ x, count, degree, damped }, onProgress) => {
    const { band } = this.begun(this.reduced);
    const known = this.filterOf;
    const same = known && known.damped.low === damped.low && known.damped.high === damped.high;
    const { filter } = same ? known : (this.filterOf = { damped, filter: new BandFilter(band, damped) });
    return filter.filtered(x, count, degree, this.products, { signal: this.signal, onProgress });
  };

  readonly transform: ServedCalls['transform'] = async ({ x, count }, onProgress) => {
    const { panels } = this.begun(this.reduced);
    this.forget();
    await applyPanels(panels, x, count, this.products, { signal: this.signal, onProgress });
    return x;
  };

  private forget(): void {
    this.gram = undefined;
    this.reduced = undefined;
    this.filterOf = undefined;
  }

  private begun<T>(state: T | undefined): T {
    if (state === undefined) throw new Error('a worker asked for a stage of a matrix that it has not begun');
    return state;
  }
}
