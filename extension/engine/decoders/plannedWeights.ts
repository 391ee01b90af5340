/**
 * The weights of a language model as a plan makes them, without saving anything: each is compressed when its block is loaded,
 * from what the checkpoint holds, and rounded as a saved folder would have it. Factors stay a pair, other parts are added up.
 */
import type { Linear, Norm } from '../../decoder/families/family';
import type { Decoder } from '../../decoder/openDecoder';
import type { LinearWeight, MatrixWeight, NormWeight, WeightSource } from '../../decoder/weights/weightSource';
import { CompressionError } from '../../compression/compressionError';
import { padded } from '../../compression/groups/reduceGroup';
import { narrow } from '../../compression/narrow';
import { partOperations } from '../../compression/parts/registry';
import type { StoredLayer } from '../../compression/compressMatrix';
import type { StatisticsSource } from '../../compression/statistics/statisticsSource';
import type { SavedWeight } from '../../compression/writers/writer';
import { loadKernels } from '../../linalg/kernels/loadKernels';
import { needsQuantised, needsStatistics } from '../../shared/compression/methodNeeds';
import type { EngineDocument } from '../document/engineDocument';
import { storedElements } from '../requests/compressChoice';
import { storedModule, type FoundGroup } from '../requests/compressGroup';
import { compressTask } from '../worker/compressTask';
import { groupTask } from '../worker/groupTask';

export interface Planned {
  readonly weights: readonly SavedWeight[];
  readonly groups: readonly FoundGroup[];
}

interface MadeGroup {
  readonly name: string;
  readonly modules: ReadonlyMap<string, LinearWeight>;
}

export class PlannedWeights implements WeightSource {
  private readonly weights: ReadonlyMap<string, SavedWeight>;
  private readonly groups: ReadonlyMap<string, FoundGroup>;
  /** The group that was made last: its modules are asked for one after another. */
  private lastGroup: Promise<MadeGroup> | undefined;
  private lastGroupName: string | undefined;
  /** The table that was looked up in last, as it became: it is read in parts. */
  private lastTable: { readonly layer: string; readonly w: Promise<Float32Array> } | undefined;

  /**
   * @param document the checkpoint of the decoder
   * @throws CompressionError `missing-statistics`, `unsupported` for methods that need a quantised checkpoint
   */
  constructor(
    private readonly decoder: Decoder,
    private readonly document: EngineDocument,
    { weights, groups }: Planned,
    private readonly statistics: StatisticsSource | undefined,
  ) {
    const other = weights.find(({ choice }) => needsQuantised(choice));
    if (other) {
      const reason = `${other.choice.method} needs a quantised checkpoint, which a plan does not name; save the plan, and evaluate its folder`;
      throw new CompressionError('unsupported', reason, { layer: other.layer });
    }
    const needing = weights.find(({ choice }) => needsStatistics(choice))?.layer ?? groups[0]?.name;
    if (needing !== undefined && !statistics) {
      const reason = 'its method needs statistics of the inputs; give their file (--stats)';
      throw new CompressionError('missing-statistics', reason, { layer: needing });
    }
    this.weights = new Map(
      weights.flatMap((weight) => [weight.layer, ...weight.twins].map((layer) => [layer, weight] as const)),
    );
    this.groups = new Map(groups.flatMap((group) => group.members.map(({ tensor }) => [tensor.name, group] as const)));
  }

  async linear(linear: Linear, signal?: AbortSignal): Promise<LinearWeight> {
    const { weights: original } = this.decoder;
    const layer = original.layerName(`${linear.name}.weight`) ?? '';
    const group = this.groups.get(layer);
    if (group) return (await this.madeGroup(group, signal)).modules.get(layer)!;
    const weight = this.weights.get(layer);
    if (!weight) return original.linear(linear, signal);
    const stored = await this.compressed(weight, signal);
    const { outputs } = weight;
    const inOrder = (rows: Float32Array): Float32Array => {
      const bytes = original.ordered(linear, weight.tensor, new Uint8Array(rows.buffer), outputs);
      return new Float32Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, rows.length);
    };
    const matrix = runnable(weight, stored, inOrder);
    const bias = await this.bias(linear, weight, stored, inOrder, signal);
    return { matrix, ...(bias && { bias }) };
  }

  norm(norm: Norm, size: number, signal?: AbortSignal): Promise<NormWeight> {
    return this.decoder.weights.norm(norm, size, signal);
  }

  tableSize(name: string): { rows: number; columns: number } | undefined {
    return this.decoder.weights.tableSize(name);
  }

  async table(name: string, rows: { start: number; end: number }, signal?: AbortSignal): Promise<Float32Array> {
    const layer = this.decoder.weights.layerName(name) ?? '';
    const weight = this.weights.get(layer);
    if (!weight) return this.decoder.weights.table(name, rows, signal);
    if (this.lastTable?.layer !== weight.layer) {
      this.lastTable = { layer: weight.layer, w: this.wholeTable(weight, signal) };
    }
    const w = await this.lastTable.w;
    const columns = w.length / this.tableSize(name)!.rows;
    return w.slice(rows.start * columns, rows.end * columns);
  }

  /** As it lies in the checkpoint. */
  private async wholeTable(weight: SavedWeight, signal?: AbortSignal): Promise<Float32Array> {
    const w = sumOf(weight, await this.compressed(weight, signal));
    const { outputs, inputs, transposed } = weight;
    if (!transposed) return Float32Array.from(w);
    const turned = new Float32Array(w.length);
    for (let row = 0; row < outputs; row++) {
      for (let column = 0; column < inputs; column++) turned[column * outputs + row] = w[row * inputs + column]!;
    }
    return turned;
  }

  private async compressed({ layer, choice, dtype, transposed }: SavedWeight, signal = NEVER): Promise<StoredLayer> {
    const matrix = await storedElements(this.document, layer, signal);
    const statistics = (await this.statistics?.layer(layer, signal)) ?? {};
    const known = { storedBytes: matrix.bytes.length };
    return compressTask(
      { matrix, inputsFirst: transposed, known, choice, statistics, dtype, form: 'parts' },
      { kernels: loadKernels() },
    );
  }

  /** What the method adds is added to the module's own, and rounded as a file has it. */
  private async bias(
    linear: Linear,
    { dtype, outputs }: SavedWeight,
    { bias: added }: StoredLayer,
    inOrder: (rows: Float32Array) => Float32Array,
    signal?: AbortSignal,
  ): Promise<Float32Array | undefined> {
    const own = await this.decoder.weights.biasOf(linear, outputs, signal);
    if (!added) return own;
    const more = inOrder(Float32Array.from(added));
    return own
      ? Float32Array.from(
          narrow(
            Float64Array.from(more, (x, i) => x + own[i]!),
            dtype,
          ).values,
        )
      : more;
  }

  private madeGroup(group: FoundGroup, signal = NEVER): Promise<MadeGroup> {
    if (this.lastGroupName !== group.name || !this.lastGroup) {
      this.lastGroupName = group.name;
      this.lastGroup = this.makeGroup(group, signal);
    }
    return this.lastGroup;
  }

  private async makeGroup(group: FoundGroup, signal: AbortSignal): Promise<MadeGroup> {
    const { name, members, plan, dtype, heads, measuredAt } = group;
    const modules = [];
    for (const member of members) modules.push(await storedModule(this.document, member, signal));
    const statistics = await this.statistics!.layer(measuredAt, signal);
    const { method, rank } = plan;
    const reduced = groupTask(
      { method, rank, modules, statistics, dtype, ...(heads && { heads }) },
      { kernels: loadKernels() },
    );
    const tensors = new Map(members.map((member) => [member.module, member.tensor.name]));
    return {
      name,
      modules: new Map(
        reduced.modules.map((module) => {
          // Heads keep their size in the graph: zeros for what went give the same numbers. Channels need none.
          const { w, bias, outputs, inputs } = module.kept ? padded(module) : module;
          const matrix: MatrixWeight = { kind: 'dense', w: Float32Array.from(w), outputs, inputs };
          return [tensors.get(module.name)!, { matrix, ...(bias && { bias: Float32Array.from(bias) }) }];
        }),
      ),
    };
  }
}

const NEVER = new AbortController().signal;

/** Two factors stay two, as a saved folder has them. @param inOrder rows as the model has them */
function runnable(
  weight: SavedWeight,
  stored: StoredLayer,
  inOrder: (rows: Float32Array) => Float32Array,
): MatrixWeight {
  const { outputs, inputs } = weight;
  const [first, ...rest] = stored.parts.map(({ part }) => part);
  if (first?.kind === 'product' && rest.length === 0 && !stored.base) {
    const { rank, left, right } = first;
    const size = { outputs, inputs, rank };
    return { kind: 'pair', left: inOrder(Float32Array.from(left)), right: Float32Array.from(right), ...size };
  }
  return { kind: 'dense', w: inOrder(Float32Array.from(sumOf(weight, stored))), outputs, inputs };
}

/** out × in. */
function sumOf({ outputs, inputs }: SavedWeight, { parts, base }: StoredLayer): Float64Array {
  const sum = base?.values.slice() ?? new Float64Array(outputs * inputs);
  for (const { part } of parts) partOperations(part.kind).addTo(sum, part, { outputs, inputs }, loadKernels());
  return sum;
}
