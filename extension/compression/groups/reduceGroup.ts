/** One MLP or attention by its group method: from the projections to smaller ones, rounded as they are stored. Pure. */
import type { GroupMethodName } from '../../shared/compression/plans';
import type { LayerStatistics } from '../../shared/compression/statistics';
import { CompressionError } from '../compressionError';
import type { MethodTools } from '../methods/method';
import { narrow, type FloatDType } from '../narrow';
import type { HeadSizes } from './attentionHeads';
import { nystrom } from './nystrom';
import { keptDimensions, type Rotation } from './queryKey';
import { reduceValueOutput } from './valueOutput';

/** A projection: W of y = Wx + bias, out × in. */
export interface GroupModule {
  /** Name of the module: its weight is `name.weight`. */
  readonly name: string;
  readonly w: Float64Array;
  readonly outputs: number;
  readonly inputs: number;
  readonly bias?: Float64Array;
}

/** Some outputs or inputs of a module that stay; in the module as the architecture has it, the others are zero. */
export interface Kept {
  readonly side: 'outputs' | 'inputs';
  readonly of: number;
  readonly indices: Uint32Array;
}

export interface ReducedModule {
  readonly name: string;
  readonly outputs: number;
  readonly inputs: number;
  /** Rounded to the dtype that is stored. */
  readonly w: Float64Array;
  readonly bias?: Float64Array;
  /** Absent if the module is smaller for its neighbours, too: an MLP's channels. */
  readonly kept?: Kept;
  /** The channels that stayed, of an MLP. */
  readonly channels?: Kept;
}

export interface ReducedGroup {
  readonly modules: readonly ReducedModule[];
  /**
   * Of what the group puts out: `nystrom`, `vo`. Of the scores: `qk`. Relative, on the inputs behind the statistics, of the
   * rounded weights without biases.
   */
  readonly error: number;
  readonly notes: readonly string[];
  /** Numbers beyond the range of the type in which they are stored; absent if there are none. */
  readonly saturated?: number;
}

export type GroupInput =
  | { readonly method: 'nystrom'; readonly up: readonly GroupModule[]; readonly down: GroupModule }
  | { readonly method: 'vo'; readonly v: GroupModule; readonly o: GroupModule; readonly sizes: HeadSizes }
  | {
      readonly method: 'qk';
      readonly q: GroupModule;
      readonly k: GroupModule;
      readonly sizes: HeadSizes;
      readonly rotation: Rotation;
      readonly rotated: number;
    };

export interface GroupRequest {
  readonly input: GroupInput;
  /** Channels, or dimensions of a head, that stay. */
  readonly rank: number;
  /** Of the inputs of down, v, or q. */
  readonly statistics: LayerStatistics;
  readonly dtype: FloatDType;
}

/**
 * @throws CompressionError `invalid-rank`, `missing-statistics`, `invalid-statistics`
 * @throws DOMException `AbortError` when cancelled
 */
export function reduceGroup(request: GroupRequest, tools: MethodTools): ReducedGroup {
  let saturated = 0;
  const reduced = reducedBy(request, tools, (values) => {
    const stored = narrow(values, request.dtype);
    saturated += stored.saturated;
    return stored.values;
  });
  return { ...reduced, ...(saturated > 0 && { saturated }) };
}

/** @param stored rounds what is stored, each number once */
function reducedBy(
  { input, rank, statistics, dtype }: GroupRequest,
  tools: MethodTools,
  stored: Rounded,
): ReducedGroup {
  switch (input.method) {
    case 'nystrom':
      return reduceMlp(input.up, input.down, statistics, rank, stored, tools);
    case 'vo':
      return reduceValues(input, statistics, rank, stored, tools);
    case 'qk': {
      const tried: Rounded = (values) => narrow(values, dtype).values;
      return reduceQueries(input, statistics, rank, { stored, tried }, tools);
    }
  }
}

type Rounded = (values: Float64Array) => Float64Array;

function reduceMlp(
  up: readonly GroupModule[],
  down: GroupModule,
  statistics: LayerStatistics,
  rank: number,
  rounded: Rounded,
  tools: MethodTools,
): ReducedGroup {
  const found = nystrom({ ...down, layer: `${down.name}.weight` }, statistics, rank, tools, rounded);
  const channels = (side: Kept['side']): Kept => ({ side, of: down.inputs, indices: found.kept });
  return {
    modules: [
      ...up.map((module): ReducedModule => {
        const bias = module.bias && rows(module.bias, 1, found.kept);
        return {
          ...{ name: module.name, outputs: rank, inputs: module.inputs },
          w: rounded(rows(module.w, module.inputs, found.kept)),
          ...(bias && { bias: rounded(bias) }),
          channels: channels('outputs'),
        };
      }),
      {
        ...{ name: down.name, outputs: down.outputs, inputs: rank, w: found.down },
        ...(down.bias && { bias: rounded(down.bias) }),
        channels: channels('inputs'),
      },
    ],
    error: found.output_error,
    notes: found.notes,
  };
}

function reduceValues(
  { v, o, sizes }: Extract<GroupInput, { method: 'vo' }>,
  statistics: LayerStatistics,
  rank: number,
  rounded: Rounded,
  tools: MethodTools,
): ReducedGroup {
  assertDimensions(v.name, rank, sizes.headSize);
  const block = { layer: `${v.name}.weight`, v: v.w, o: o.w, inputs: v.inputs, outputs: o.outputs, sizes };
  const found = reduceValueOutput({ ...block, ...(v.bias && { vBias: v.bias }) }, statistics, rank, tools, rounded);
  const { heads, keyValueHeads, headSize } = sizes;
  return {
    modules: [
      {
        ...{ name: v.name, outputs: keyValueHeads * rank, inputs: v.inputs, w: found.v },
        ...(found.vBias && { bias: found.vBias }),
        kept: { side: 'outputs', of: keyValueHeads * headSize, indices: firstOfHeads(keyValueHeads, headSize, rank) },
      },
      {
        ...{ name: o.name, outputs: o.outputs, inputs: heads * rank, w: found.o },
        ...(o.bias && { bias: rounded(o.bias) }),
        kept: { side: 'inputs', of: heads * headSize, indices: firstOfHeads(heads, headSize, rank) },
      },
    ],
    error: found.output_error,
    notes: found.notes,
  };
}

function reduceQueries(
  { q, k, sizes, rotation, rotated }: Extract<GroupInput, { method: 'qk' }>,
  statistics: LayerStatistics,
  rank: number,
  { stored, tried }: Readonly<Record<'stored' | 'tried', Rounded>>,
  tools: MethodTools,
): ReducedGroup {
  const { heads, keyValueHeads, headSize } = sizes;
  assertDimensions(q.name, rank, headSize);
  const block = { layer: `${q.name}.weight`, q: q.w, k: k.w, inputs: q.inputs, sizes, rotation, rotated };
  const { kept, score_error } = keptDimensions(block, statistics, rank, tools, tried);
  if (kept.some(({ length }) => length === 0)) {
    const reason = `its dimensions go in pairs, so ${rank} of them cannot stay; take at least 2`;
    throw new CompressionError('invalid-rank', reason, { layer: q.name });
  }
  const group = heads / keyValueHeads;
  const ofHeads = (count: number, keyHead: (head: number) => number): Uint32Array =>
    Uint32Array.from(
      Array.from({ length: count }, (_, head) =>
        Array.from(kept[keyHead(head)]!, (row) => head * headSize + row),
      ).flat(),
    );
  const reduced = (module: GroupModule, indices: Uint32Array): ReducedModule => ({
    ...{ name: module.name, outputs: indices.length, inputs: module.inputs },
    w: stored(rows(module.w, module.inputs, indices)),
    ...(module.bias && { bias: stored(rows(module.bias, 1, indices)) }),
    kept: { side: 'outputs', of: module.outputs, indices },
  });
  return {
    modules: [
      reduced(
        q,
        ofHeads(heads, (head) => Math.floor(head / group)),
      ),
      reduced(
        k,
        ofHeads(keyValueHeads, (head) => head),
      ),
    ],
    error: score_error,
    notes: [],
  };
}

/** @throws CompressionError `invalid-rank` */
function assertDimensions(layer: string, rank: number, headSize: number): void {
  if (Number.isInteger(rank) && rank >= 1 && rank <= headSize) return;
  const reason = `${rank} dimensions of a head cannot stay; choose from 1 to ${headSize}`;
  throw new CompressionError('invalid-rank', reason, { layer });
}

function firstOfHeads(heads: number, headSize: number, rank: number): Uint32Array {
  return Uint32Array.from({ length: heads * rank }, (_, at) => Math.floor(at / rank) * headSize + (at % rank));
}

function rows(w: Float64Array, columns: number, indices: Uint32Array): Float64Array {
  const some = new Float64Array(indices.length * columns);
  for (const [at, row] of indices.entries()) some.set(w.subarray(row * columns, (row + 1) * columns), at * columns);
  return some;
}

/** The module with the architecture's own sizes: zeros for what went. */
export function padded({
  w,
  bias,
  outputs,
  inputs,
  kept,
  channels,
}: ReducedModule): Pick<ReducedModule, 'w' | 'bias' | 'outputs' | 'inputs'> {
  const staying = kept ?? channels;
  if (!staying) return { w, outputs, inputs, ...(bias && { bias }) };
  const { of, indices, side } = staying;
  if (side === 'outputs') {
    const whole = new Float64Array(of * inputs);
    const wholeBias = bias && new Float64Array(of);
    for (const [at, row] of indices.entries()) {
      whole.set(w.subarray(at * inputs, (at + 1) * inputs), row * inputs);
      if (bias && wholeBias) wholeBias[row] = bias[at]!;
    }
    return { w: whole, outputs: of, inputs, ...(wholeBias && { bias: wholeBias }) };
  }
  const whole = new Float64Array(outputs * of);
  for (let row = 0; row < outputs; row++) {
    for (const [at, column] of indices.entries()) whole[row * of + column] = w[row * inputs + at]!;
  }
  return { w: whole, outputs, inputs: of, ...(bias && { bias }) };
}

/** What each group method acts on. */
export const GROUP_KINDS: Readonly<Record<GroupMethodName, 'mlp' | 'attention'>> = {
  nystrom: 'mlp',
  vo: 'attention',
  qk: 'attention',
};
