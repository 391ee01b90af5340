/**
 * Sparse tensors: listed with what they are, as their elements are not stored one after the other.
 *
 * @see https://github.com/pytorch/pytorch/blob/v2.5.0/torch/_utils.py, `_rebuild_sparse_tensor`
 */
import { elementSize } from '../elements/dtype';
import { asCounts, BadArguments, itemsOf, type PickleCall } from '../pickle/pickleArguments';
import { PickleTensor, PickleUnreadable, type PickleValue } from '../pickle/pickleValues';
import { elementCount } from '../elements/shape';

/** `_rebuild_sparse_tensor(layout, (indices, values, size, …))`, with two tensors of indices for compressed layouts. */
export const rebuildSparse: PickleCall = (args) => {
  const [layoutName, data] = args;
  const layout = typeof layoutName === 'string' ? /^torch\.sparse_(\w{1,9})$/.exec(layoutName)?.[1] : undefined;
  if (layout === undefined) throw new BadArguments('it is sparse, in a layout of no known name', 'unsupported');
  const parts = itemsOf(data);
  const indices = parts.slice(0, layout === 'coo' ? 1 : 2).map((part) => partOf(part, 'indices'));
  const values = partOf(parts[indices.length], 'values');
  const shape = asCounts(parts[indices.length + 1], 'shape');
  const count = elementCount(shape);
  if (typeof count !== 'number') throw new BadArguments(count);
  // Counts blocks, if the layout is one of blocks.
  const stored = (layout === 'coo' ? values.shape[0] : indices[1]?.shape.at(-1)) ?? 0;
  const reason = `a sparse tensor (${layout.toUpperCase()}, nnz ${stored}), whose dense elements are not stored`;
  const byteLength = [...indices, values].reduce((sum, part) => sum + bytesOf(part), 0);
  const encoding = { name: `sparse ${layout.toUpperCase()}, nnz ${stored}`, byteLength };
  return new PickleUnreadable('unsupported', reason, { shape, dtype: values.dtype, encoding });
};

function partOf(value: PickleValue | undefined, what: string): PickleTensor {
  if (value instanceof PickleTensor) return value;
  throw new BadArguments(`it is sparse, and has no ${what}`);
}

function bytesOf({ shape, dtype }: PickleTensor): number {
  const count = elementCount(shape);
  if (typeof count !== 'number') throw new BadArguments(`it is sparse, and a part ${count}`);
  return count * elementSize(dtype);
}
