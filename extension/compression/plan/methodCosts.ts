/**
 * What a method stores of a layer and computes with it, from sizes alone: the numbers by which allocations weigh ranks.
 * `compression/parts/` counts the same of what is stored; a test holds the two together.
 */
import { chainCost } from '../../shared/compression/chainCost';
import { DEFAULT_OPTIONS, type MethodOptions } from '../../shared/compression/methodOptions';
import { layerMethod, type MethodName } from '../../shared/compression/methodTable';
import type { LayerChoice, PlanLayer } from '../../shared/compression/plans';
import { bitsOf, blockOf, scaleBytes } from '../../shared/compression/quantisers';
import { fullBonds, leastRank, mostRank, shareOf, tensorSizes } from '../../shared/compression/rankLimits';
import { FactorPair } from '../../shared/ranks/factorPair';

export interface LayerSize {
  readonly outputs: number;
  readonly inputs: number;
  /** Bytes of one float of what is stored new. */
  readonly elementBytes: number;
}

export interface Cost {
  /** Numbers stored: floats and codes, a packed one as one. Indices count in the bytes alone. */
  readonly parameters: number;
  readonly bytes: number;
  /** Of Ŵx. */
  readonly multiplyAdds: number;
}

const INDEX_BYTES = 4;

/** A matrix as it is. @param bytes that it takes in a file */
export function denseCost({ outputs, inputs }: LayerSize, bytes: number): Cost {
  const parameters = outputs * inputs;
  return { parameters, bytes, multiplyAdds: parameters };
}

/** Bytes of a layer in a saved model where it stays dense. */
export function denseBytes({ storedBytes, savedBytes }: Pick<PlanLayer, 'storedBytes' | 'savedBytes'>): number {
  return savedBytes ?? storedBytes;
}

/**
 * Cost of a choice for a layer.
 *
 * @param choice its rank is `leastRank` … `mostRank` for a method that has one
 * @param base what an adapter is added to: the dense matrix as it is stored
 */
export function choiceCost(choice: LayerChoice, size: LayerSize, base: Cost): Cost {
  const { method, rank = 0, ...given } = choice;
  return rankCost(method, rank, { ...DEFAULT_OPTIONS, ...given }, size, base);
}

/**
 * The same as an adapter for PEFT: two factors, and below them a matrix of plain numbers, whatever the method quantises.
 *
 * @param base absent if it is stored elsewhere already
 */
export function adapterCost({ rank = 0 }: LayerChoice, size: LayerSize, base?: Cost): Cost {
  const factors = pair(rank, size);
  return base ? sum(base, factors) : factors;
}

/** `choiceCost` with all options told. */
export function rankCost(method: MethodName, rank: number, options: MethodOptions, size: LayerSize, base: Cost): Cost {
  const { outputs, inputs } = size;
  switch (method) {
    case 'svd':
    case 'fwsvd':
    case 'asvd':
    case 'svd-llm':
      return pair(rank, size);
    case 'afm':
      return sum(pair(rank, size), floats(outputs, size, 0));
    case 'lost':
      return sum(pair(rank, size), columns(shareOf(options.sparse, inputs), size));
    case 'robust':
      return sum(pair(rank, size), entries(shareOf(options.sparse, outputs * inputs), size));
    case 'gear': {
      const exact = entries(shareOf(options.sparse, outputs * inputs), size);
      return sum(sum(quantised(options, size), pair(rank, size)), exact);
    }
    case 'lq-lora':
      return sum(quantised(options, size), pair(rank, size));
    case 'quantise':
      return quantised(options, size);
    case 'eora':
    case 'pissa':
    case 'olora':
    case 'loftq':
      return sum(base, pair(rank, size));
    case 'dct':
      return {
        parameters: rank * outputs,
        bytes: rank * (INDEX_BYTES + outputs * size.elementBytes),
        multiplyAdds: rank * (outputs + inputs),
      };
    case 'cur': {
      const parameters = rank * outputs + rank * rank + rank * inputs;
      return {
        parameters,
        bytes: parameters * size.elementBytes + 2 * rank * INDEX_BYTES,
        multiplyAdds: parameters,
      };
    }
    case 'cospadi': {
      const nonzeros = options.nonzeros === 0 ? Math.ceil(rank / 2) : options.nonzeros;
      const parameters = rank * inputs + outputs * nonzeros;
      const bytes = parameters * size.elementBytes + outputs * Math.ceil(rank / 8);
      return { parameters, bytes, multiplyAdds: parameters };
    }
    case 'tensor-train':
      return tensorTrain(rank, options.cores, size);
  }
}

/** Largest rank of the method for a layer; 0 for a method that has none. */
export function largestRank(choice: LayerChoice, { outputs, inputs }: LayerSize): number {
  if (layerMethod(choice.method).rank === undefined) return 0;
  return mostRank(choice.method, outputs, inputs, { cores: choice.cores ?? DEFAULT_OPTIONS.cores });
}

/** Smallest rank of the method; 0 for a method that has none. */
export function smallestRank(choice: LayerChoice): number {
  if (layerMethod(choice.method).rank === undefined) return 0;
  return leastRank(choice.method, { nonzeros: choice.nonzeros ?? DEFAULT_OPTIONS.nonzeros });
}

function pair(rank: number, size: LayerSize): Cost {
  const parameters = new FactorPair(size.outputs, size.inputs).parameters(rank);
  return floats(parameters, size, parameters);
}

function floats(parameters: number, { elementBytes }: LayerSize, multiplyAdds: number): Cost {
  return { parameters, bytes: parameters * elementBytes, multiplyAdds };
}

function sum(a: Cost, b: Cost): Cost {
  return {
    parameters: a.parameters + b.parameters,
    bytes: a.bytes + b.bytes,
    multiplyAdds: a.multiplyAdds + b.multiplyAdds,
  };
}

function columns(count: number, { outputs, elementBytes }: LayerSize): Cost {
  const parameters = count * outputs;
  return { parameters, bytes: parameters * elementBytes + count * INDEX_BYTES, multiplyAdds: parameters };
}

/** Value, row and column of each. */
function entries(count: number, { elementBytes }: LayerSize): Cost {
  return { parameters: count, bytes: count * (elementBytes + 2 * INDEX_BYTES), multiplyAdds: count };
}

/** Codes in packed bits, row by row, and a scale for each block. */
function quantised({ quantiser, bits, block }: MethodOptions, { outputs, inputs }: LayerSize): Cost {
  const scales = outputs * Math.ceil(inputs / blockOf(quantiser, block, inputs));
  const parameters = outputs * inputs;
  return {
    parameters: parameters + scales,
    bytes: outputs * Math.ceil((inputs * bitsOf(quantiser, bits)) / 8) + scales * scaleBytes(quantiser),
    multiplyAdds: parameters,
  };
}

function tensorTrain(bond: number, cores: number, size: LayerSize): Cost {
  const rows = tensorSizes(size.outputs, cores);
  const cols = tensorSizes(size.inputs, cores);
  const bonds = fullBonds(rows, cols).map((full) => Math.min(full, bond));
  const parameters = rows.reduce((sum, rowSize, l) => sum + bonds[l]! * rowSize * cols[l]! * bonds[l + 1]!, 0);
  return floats(parameters, size, chainCost(rows, cols, bonds).multiplyAdds);
}
