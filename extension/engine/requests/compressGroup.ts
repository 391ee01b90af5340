/** An MLP or an attention of an open checkpoint by its group method: the engine's side of `compression/groups/`. */
import { widen } from '../../checkpoint/elements/dtype';
import { CompressionError } from '../../compression/compressionError';
import { headSizesOf, rotationOf, type AttentionGroup, type BlockGroup } from '../../compression/groups/findGroups';
import type { HeadSizes } from '../../compression/groups/attentionHeads';
import type { Rotation } from '../../compression/groups/queryKey';
import { GROUP_KINDS, type ReducedGroup } from '../../compression/groups/reduceGroup';
import { isFloatDType, type FloatDType } from '../../compression/narrow';
import { assertReplaceable } from '../../compression/storageNotes';
import type { SavedGroup, SavedMember } from '../../compression/writers/writer';
import type { GroupPlan } from '../../shared/compression/plans';
import type { LayerStatistics } from '../../shared/compression/statistics';
import type { EngineDocument } from '../document/engineDocument';
import type { GroupTask, StoredModule } from '../worker/workerCalls';
import { choiceMatrix } from './compressLayer';
import { hostedProducts } from './hostedProducts';
import { leasedWork } from './leasedWork';
import type { ComputingParts } from './requestParts';

/** Copies of the largest matrix, or of the Gram matrix, in float64 at a time: those of `vo` are reduced, rounded and weighted. */
const COPIES = { nystrom: 5, vo: 7, qk: 6 } as const;

const WEIGHT = '.weight';

export interface FoundGroup extends SavedGroup {
  /** The layer whose inputs the statistics are of. */
  readonly measuredAt: string;
  /** The largest rank: its channels, or the dimensions of a head. */
  readonly most: number;
  readonly heads?: { readonly sizes: HeadSizes; readonly rotation: Rotation; readonly rotated: number };
}

/**
 * What a plan says of a group, held to the checkpoint.
 *
 * @param all groups of the checkpoint
 * @param dtype of new tensors; the weights' own without
 * @throws CompressionError `invalid-plan`, `unsupported`, in a sentence that names the group
 */
export function foundGroup(
  document: EngineDocument,
  all: readonly BlockGroup[],
  name: string,
  plan: GroupPlan,
  dtype: FloatDType | undefined,
): FoundGroup {
  const { checkpoint } = document;
  const refuse = (code: 'invalid-plan' | 'unsupported', reason: string): never => {
    throw new CompressionError(code, reason, { layer: name });
  };
  const kind = GROUP_KINDS[plan.method];
  const group = all.find((each) => each.name === name && each.kind === kind);
  if (!group) {
    const known = all.filter((each) => each.kind === kind);
    const others =
      known.length === 0
        ? 'none'
        : known
            .slice(0, 3)
            .map((each) => each.name)
            .join(', ');
    return refuse('invalid-plan', `the checkpoint has no ${kind} of that name for ${plan.method}; it has: ${others}`);
  }
  const roles: Record<string, string> =
    group.kind === 'mlp'
      ? { ...(group.gate !== undefined && { gate: group.gate }), up: group.up, down: group.down }
      : rolesOf(group, plan);
  const members = Object.entries(roles).map(([role, module]) => groupMember(document, role, module));
  const own = members[0]!.tensor.dtype;
  if (!isFloatDType(own)) return refuse('unsupported', `its weights are stored as ${own}, which is no float`);
  const of = (role: string): SavedMember => members.find((member) => member.role === role)!;
  const base = { name, plan, members, dtype: dtype ?? own };
  if (group.kind === 'mlp') {
    const [up, down] = [of('up'), of('down')];
    if (members.some((member) => member.role !== 'down' && member.outputs !== down.inputs)) {
      return refuse(
        'unsupported',
        `${up.module} makes ${up.outputs} channels, but ${down.module} takes ${down.inputs}`,
      );
    }
    assertRank(plan, down.inputs, 'channels', name);
    return { ...base, measuredAt: down.tensor.name, most: down.inputs };
  }
  const sizes = checkpoint.config.sizesOf(group.q);
  const rowsOf = (module: string): number => choiceMatrix(document, module + WEIGHT).outputs;
  const heads = headSizesOf(sizes, {
    ...{ q: rowsOf(group.q), k: rowsOf(group.k), v: rowsOf(group.v) },
    o: choiceMatrix(document, group.o + WEIGHT).inputs,
  });
  if (typeof heads === 'string') return refuse('unsupported', heads);
  assertRank(plan, heads.headSize, 'dimensions of a head', name);
  const rotation = plan.method === 'vo' ? 'none' : turnsOf(document, group, sizes.type);
  const factor = checkpoint.config.fields.partial_rotary_factor;
  const rotated = typeof factor === 'number' ? 2 * Math.floor((heads.headSize * factor) / 2) : heads.headSize;
  const measured = plan.method === 'vo' ? of('v') : of('q');
  return {
    ...base,
    measuredAt: measured.tensor.name,
    most: heads.headSize,
    heads: { sizes: heads, rotation, rotated },
  };
}

function rolesOf({ q, k, v, o }: AttentionGroup, { method }: GroupPlan): Record<string, string> {
  return method === 'vo' ? { v, o } : { q, k };
}

/** @throws CompressionError `unsupported` */
function turnsOf({ checkpoint }: EngineDocument, group: AttentionGroup, type: string | undefined): Rotation {
  const refuse = (reason: string): never => {
    throw new CompressionError('unsupported', reason, { layer: group.name });
  };
  const norm = checkpoint.tensors.find(
    ({ name }) => /^(q|k)_?norm\b/.test(name.slice(group.name.length + 1)) && name.startsWith(`${group.name}.`),
  );
  if (norm) return refuse(`${norm.name} norms whole heads, so none of their dimensions can go; leave qk out`);
  const rotation = rotationOf(type);
  return (
    rotation ??
    refuse(
      `how the heads of a ${type ?? 'model without config.json'} turn with the position is not known here; leave qk out`,
    )
  );
}

/** @throws CompressionError `invalid-plan` */
function assertRank({ rank, method }: GroupPlan, most: number, what: string, layer: string): void {
  if (Number.isInteger(rank) && rank >= 1 && rank <= most) return;
  throw new CompressionError('invalid-plan', `${method} cannot keep ${rank} ${what}; choose from 1 to ${most}`, {
    layer,
  });
}

/** @throws CompressionError, EngineError */
function groupMember(document: EngineDocument, role: string, module: string): SavedMember {
  const { checkpoint } = document;
  const name = module + WEIGHT;
  const { tensor } = document.layer(name);
  assertReplaceable(checkpoint, tensor);
  const shared = tensor.sharedWith ?? checkpoint.tensors.find(({ sharedWith }) => sharedWith === name)?.name;
  if (shared !== undefined) {
    throw new CompressionError(
      'unsupported',
      `holds the same numbers as ${shared} (tied weights); leave its group out`,
      {
        layer: name,
      },
    );
  }
  const { outputs, inputs, inputsFirst } = choiceMatrix(document, name);
  const bias = checkpoint.tensors.find((each) => each.name === `${module}.bias` && each.shape.length === 1);
  return { role, module, tensor, ...(bias && { bias }), outputs, inputs, inputsFirst };
}

/**
 * @throws CompressionError, CheckpointError
 * @throws the signal's reason when it fires
 */
export async function compressGroup(
  parts: ComputingParts,
  document: EngineDocument,
  group: FoundGroup,
  statistics: LayerStatistics,
  signal: AbortSignal,
  onProgress: (fraction: number) => void,
): Promise<ReducedGroup> {
  const { members, plan, dtype, heads } = group;
  const largest = members.reduce((most, { outputs, inputs }) => Math.max(most, outputs * inputs), 0);
  const all = members.reduce((sum, { outputs, inputs }) => sum + outputs * inputs, 0);
  const bytes = 8 * (all + COPIES[plan.method] * Math.max(largest, statistics.gram?.length ?? 0));
  const side = members.reduce((most, { outputs, inputs }) => Math.max(most, Math.min(outputs, inputs)), 0);
  const products = await hostedProducts(parts, { rows: side, cols: side });
  return leasedWork(parts, { what: `making ${group.name} smaller`, bytes }, signal, async (lease) => {
    if (products) lease.serve(products);
    const modules: StoredModule[] = [];
    for (const member of members) modules.push(await storedModule(document, member, signal));
    const task: GroupTask = {
      method: plan.method,
      rank: plan.rank,
      modules,
      statistics,
      dtype,
      ...(heads && { heads }),
    };
    return lease.calls.reduceGroup(task, {
      transfer: modules.map(({ matrix }) => matrix.bytes.buffer),
      onProgress,
    });
  });
}

/** @throws CheckpointError, AbortError */
export async function storedModule(
  { checkpoint }: EngineDocument,
  { role, module, tensor, bias, inputsFirst }: SavedMember,
  signal: AbortSignal,
): Promise<StoredModule> {
  const [rows, cols] = tensor.shape as [number, number];
  const bytes = await checkpoint.read(tensor, undefined, signal);
  const values = bias && widen(await checkpoint.read(bias, undefined, signal), bias.dtype);
  return {
    ...{ role, name: module, inputsFirst },
    matrix: { layer: tensor.name, bytes, dtype: tensor.dtype, rows, cols },
    ...(values && { bias: values }),
  };
}
