/** A group of projections in a worker, from their stored bytes to smaller ones. */
import { orientedMatrix } from '../../compression/layerElements';
import {
  reduceGroup,
  type GroupInput,
  type GroupModule,
  type ReducedGroup,
} from '../../compression/groups/reduceGroup';
import { pollFor, type EigenOptions } from '../../linalg/eigen/symmetricEigenvalues';
import type { Kernels } from '../../linalg/kernels/kernels';
import type { GroupTask } from './workerCalls';

/** Rough share of the time that widening takes. */
const WIDENING_SHARE = 0.05;

/** @throws as `reduceGroup`, and CompressionError `not-finite` */
export function groupTask(task: GroupTask, options: EigenOptions & { kernels: Kernels }): ReducedGroup {
  const { rank, statistics, dtype } = task;
  const widening = pollFor(options, 0, WIDENING_SHARE);
  const modules = new Map(
    task.modules.map(({ role, name, matrix, inputsFirst, bias }) => [
      role,
      { name, ...orientedMatrix(matrix, inputsFirst, widening), ...(bias && { bias }) },
    ]),
  );
  const tools = { kernels: options.kernels, poll: pollFor(options, WIDENING_SHARE, 1) };
  return reduceGroup({ input: inputOf(task, modules), rank, statistics, dtype }, tools);
}

function inputOf({ method, heads }: GroupTask, modules: ReadonlyMap<string, GroupModule>): GroupInput {
  const of = (role: string): GroupModule => {
    const module = modules.get(role);
    if (!module) throw new RangeError(`the method ${method} needs the projection ${role}`);
    return module;
  };
  if (method === 'nystrom') {
    const gate = modules.get('gate');
    return { method, up: [...(gate ? [gate] : []), of('up')], down: of('down') };
  }
  if (!heads) throw new RangeError(`the method ${method} needs the sizes of heads`);
  return method === 'vo'
    ? { method, v: of('v'), o: of('o'), sizes: heads.sizes }
    : { method, q: of('q'), k: of('k'), ...heads };
}
