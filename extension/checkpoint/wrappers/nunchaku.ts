/**
 * The low-rank branch of Nunchaku's SVDQuant: what `X.proj_up` (out × r) and `X.proj_down` (in × r) add to the 4-bit weight
 * `X.qweight` beside them. Both are stored in 16 × 16 tiles in the order in which the GPU's matrix instructions take them.
 *
 * @see https://github.com/nunchaku-tech/nunchaku nunchaku/lora/flux/nunchaku_converter.py (`unpack_lowrank_weight`)
 * @see SVDQuant, arXiv 2411.05007
 */
import { addProduct } from '../parts/product';
import type { TensorInfo } from '../checkpoint';
import { madeInfo, type MadeWeight } from './madeWeights';

const TILE = 16;

const NAMES = /^(.+)\.(?:proj|lora)_(up|down)$/;

export function isNunchakuFactor(name: string): boolean {
  return /\.(?:proj|lora)_(?:up|down)$/.test(name);
}

export function nunchakuBranches(
  tensors: readonly TensorInfo[],
  refuse: (tensor: string, message: string) => void,
): MadeWeight[] {
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  return tensors.flatMap((up) => {
    const [, module, which] = NAMES.exec(up.name) ?? [];
    // Without the 4-bit weight beside them the names say nothing of how they are stored.
    if (module === undefined || which !== 'up' || !byName.has(`${module}.qweight`)) return [];
    const down = byName.get(up.name.replace(/up$/, 'down'));
    if (!down) {
      refuse(
        up.name,
        `has no ${up.name.slice(module.length + 1).replace('up', 'down')} beside it: their product cannot be shown`,
      );
      return [];
    }
    const [outputs, rank] = up.shape;
    const [inputs, rankOfDown] = down.shape;
    if (rank === 0 && rankOfDown === 0) return [];
    const tiled = [up, down].every(
      ({ shape, dtype, unreadable }) =>
        shape.length === 2 &&
        shape.every((size) => size > 0 && size % TILE === 0) &&
        unreadable === undefined &&
        (dtype === 'F16' || dtype === 'BF16'),
    );
    const name = `${module}.delta_weight`;
    if (!tiled || rank !== rankOfDown || byName.has(name)) {
      const shapes = `${up.dtype} [${up.shape.join(', ')}] and ${down.dtype} [${down.shape.join(', ')}]`;
      refuse(up.name, `is no factor of a pair of Nunchaku's: ${shapes} are no tiles of one product`);
      return [];
    }
    const [rows, cols, k] = [outputs!, inputs!, rank!];
    const made: MadeWeight = {
      info: madeInfo(
        { name, group: up.group, shape: [rows, cols], encoding: `low rank r=${k}` },
        { madeOf: [up, down] },
      ),
      async rows({ start, end }, read) {
        const left = unpackedUp(await read(up), rows, k).subarray(start * k, end * k);
        const sum = new Float64Array((end - start) * cols);
        addProduct(sum, left, unpackedDown(await read(down), cols, k), k, cols);
        return sum;
      },
      hidesParts: false,
    };
    return [made];
  });
}

/**
 * Calls back with the place of each stored element in its tile. A tile's elements are stored by 8 lanes of n, 4 lanes of k,
 * then 2 n, 2 k, and 2 neighbours along k.
 */
function forEachInTile(use: (stored: number, n: number, k: number) => void): void {
  for (let at = 0; at < TILE * TILE; at++) {
    const [lane, quad, rest] = [at >> 5, (at >> 3) & 3, at & 7];
    const n = 8 * (rest >> 2) + lane;
    const k = 8 * ((rest >> 1) & 1) + 2 * quad + (rest & 1);
    use(at, n, k);
  }
}

/** out × r: along n lie outputs, along k the rank. */
export function unpackedUp(stored: Float64Array, outputs: number, rank: number): Float64Array {
  const result = new Float64Array(outputs * rank);
  for (let row = 0, tile = 0; row < outputs; row += TILE) {
    for (let column = 0; column < rank; column += TILE, tile += TILE * TILE) {
      forEachInTile((at, n, k) => (result[(row + n) * rank + column + k] = stored[tile + at]!));
    }
  }
  return result;
}

/** r × in, of what is stored by inputs first: along n lies the rank, along k the inputs. */
export function unpackedDown(stored: Float64Array, inputs: number, rank: number): Float64Array {
  const result = new Float64Array(inputs * rank);
  for (let column = 0, tile = 0; column < inputs; column += TILE) {
    for (let row = 0; row < rank; row += TILE, tile += TILE * TILE) {
      forEachInTile((at, n, k) => (result[(row + n) * inputs + column + k] = stored[tile + at]!));
    }
  }
  return result;
}
