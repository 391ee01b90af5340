/**
 * A group's smaller projections in a folder that transformers loads: their tensors, and what the configuration says of them.
 * MLPs that all keep as many channels need no more than another `intermediate_size`.
 */
import { narrow } from '../narrow';
import { transposed } from '../layerElements';
import { own } from '../../checkpoint/quantised/quantisationConfig';
import { CompressionError } from '../compressionError';
import { groupsIn } from '../groups/findGroups';
import { padded, type ReducedGroup, type ReducedModule } from '../groups/reduceGroup';
import type { NewTensor } from '../safetensorsWriter';
import type { JsonValue, Piece, Replaced, SavedGroup, SaveJob } from './writer';

/** What architectures call the channels between the two layers of an MLP. */
const CHANNELS = ['intermediate_size', 'ffn_dim', 'd_ff', 'n_inner', 'ffn_hidden_size', 'ffn_hidden_dim'];

/** What a piece says of its modules. */
interface GroupRecord {
  readonly method: string;
  /** Channels of the down projection before and after; of an attention none. */
  readonly channels?: readonly [before: number, after: number];
  readonly module_sizes: Readonly<Record<string, readonly number[]>>;
  readonly kept_outputs: Readonly<Record<string, number>>;
  readonly kept_inputs: Readonly<Record<string, number>>;
}

/** @throws CompressionError `unsupported` */
export function replaceGroup(group: SavedGroup, { modules }: ReducedGroup): Replaced {
  const members = new Map(group.members.map((member) => [member.module, member]));
  const down = group.members.find(({ role }) => role === 'down');
  const smaller = modules.find(({ name }) => name === down?.module);
  const kept = (side: 'outputs' | 'inputs'): Record<string, number> =>
    Object.fromEntries(
      modules.flatMap(({ name, kept: those }) => (those?.side === side ? [[name, those.of] as const] : [])),
    );
  const record: GroupRecord = {
    method: group.plan.method,
    ...(down && smaller && { channels: [down.inputs, smaller.inputs] as const }),
    module_sizes: Object.fromEntries(modules.map(({ name, outputs, inputs }) => [name, [outputs, inputs]] as const)),
    kept_outputs: kept('outputs'),
    kept_inputs: kept('inputs'),
  };
  return {
    tensors: modules.flatMap((module) => moduleTensors(group, module, members.get(module.name)!)),
    drops: group.members.flatMap(({ tensor, bias }) => [tensor.name, ...(bias ? [bias.name] : [])]),
    record: record as unknown as JsonValue,
  };
}

/** The projections at the architecture's own sizes, zeros for what went: any program loads them, and they save nothing. */
export function paddedGroup(group: SavedGroup, { modules }: ReducedGroup): Replaced {
  const members = new Map(group.members.map((member) => [member.module, member]));
  return {
    tensors: modules.flatMap((module) => {
      const { name } = module;
      return moduleTensors(group, { name, ...padded(module) }, members.get(name)!);
    }),
    drops: group.members.flatMap(({ tensor, bias }) => [tensor.name, ...(bias ? [bias.name] : [])]),
  };
}

function moduleTensors(
  { dtype, name: group }: SavedGroup,
  { name, w, bias, outputs, inputs, kept }: ReducedModule,
  { inputsFirst }: SavedGroup['members'][number],
): NewTensor[] {
  if (kept && inputsFirst) {
    const reason = `${name} is stored in × out, and only linear modules can keep some of their outputs; leave the group out`;
    throw new CompressionError('unsupported', reason, { layer: group });
  }
  const weight = inputsFirst
    ? { shape: [inputs, outputs], bytes: narrow(transposed(w, outputs, inputs), dtype).bytes }
    : { shape: [outputs, inputs], bytes: narrow(w, dtype).bytes };
  return [
    { name: `${name}.weight`, dtype, ...weight },
    ...(bias ? [{ name: `${name}.bias`, dtype, shape: [bias.length], bytes: narrow(bias, dtype).bytes }] : []),
    ...(kept
      ? [
          {
            name: `${name}.kept_${kept.side}`,
            dtype: 'I64' as const,
            shape: [kept.indices.length],
            bytes: int64(kept.indices),
          },
        ]
      : []),
  ];
}

/** Little-endian, as PyTorch has indices. */
function int64(indices: Uint32Array): Uint8Array {
  const bytes = new Uint8Array(8 * indices.length);
  const view = new DataView(bytes.buffer);
  for (const [at, index] of indices.entries()) view.setBigInt64(8 * at, BigInt(index), true);
  return bytes;
}

/**
 * What the configuration says of all groups. `loader` is true if the architecture's own modules do not fit.
 *
 * @param pieces those of groups
 */
export function groupFields(
  job: SaveJob,
  pieces: readonly Piece[],
): { fields: Record<string, JsonValue>; loader: boolean } {
  const records = pieces.map(({ record }) => record as unknown as GroupRecord);
  const key = channelsKey(job, records);
  const listed = records.filter(({ channels }) => key === undefined || !channels);
  const merged = (field: 'module_sizes' | 'kept_outputs' | 'kept_inputs'): Record<string, JsonValue> => {
    const entries = listed.flatMap((record) => Object.entries(record[field]));
    return entries.length > 0 ? { [field]: Object.fromEntries(entries) } : {};
  };
  return {
    fields: {
      ...(key !== undefined && { [key]: records.find(({ channels }) => channels)!.channels![1] }),
      ...merged('module_sizes'),
      ...merged('kept_outputs'),
      ...merged('kept_inputs'),
    },
    loader: listed.length > 0,
  };
}

/** The configuration's own word for the channels, if all MLPs of the model have become alike. */
function channelsKey({ checkpoint }: SaveJob, records: readonly GroupRecord[]): string | undefined {
  const sizes = records.flatMap(({ channels }) => (channels ? [channels] : []));
  const [first] = sizes;
  if (!first || sizes.some(([before, after]) => before !== first[0] || after !== first[1])) return undefined;
  const mlps = groupsIn(checkpoint.tensors).filter(({ kind }) => kind === 'mlp');
  if (mlps.length !== sizes.length) return undefined;
  const { fields } = checkpoint.config;
  const named = CHANNELS.filter((key) => own(fields, key) === first[0]);
  // GPT-2 leaves it out where it is four times the width.
  const silent = own(fields, 'model_type') === 'gpt2' && own(fields, 'n_inner') == null ? ['n_inner'] : [];
  const keys = [...named, ...silent];
  return keys.length === 1 ? keys[0] : undefined;
}
