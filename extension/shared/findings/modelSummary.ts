/** What is said of a model as a whole: the verdict, WeightWatcher's means, unusual layers in groups. The same everywhere. */
import { isOfModel } from '../layerFindings';
import type { LayerResult } from '../layers';
import { modelMap } from '../names/modelMap';
import type { TensorSummary } from '../tensors';
import type { Verdict } from '../verdict';
import { groupFindings, type FindingGroup } from './findingGroups';
import { modelTotals, type SummaryKey } from './modelTotals';
import { modelVerdict, type ModelEvidence } from './modelVerdict';
import { unusualLayers } from './unusualLayers';

/** As JSON has it. */
export interface ModelSummary {
  /** Layers that the means stand on. */
  layers: number;
  means: Record<SummaryKey, number | null>;
  /** Absent before any layer has numbers. */
  verdict?: Verdict;
  verdict_reason?: string;
  next_step?: string;
  verdict_evidence?: ModelEvidence;
  /** Worst first; the names of each group's layers, worst first. */
  findings: { kind: FindingGroup['kind']; where: string; what: string; layers: string[] }[];
}

/** @param results of any tensors of the checkpoint, parts of layers among them */
export function modelSummary(tensors: readonly TensorSummary[], results: readonly LayerResult[]): ModelSummary {
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const ofModel = results.filter(({ tensor, partOf }) => {
    const found = byName.get(tensor);
    return partOf === undefined && (found === undefined || isOfModel(found));
  });
  const map = modelMap(ofModel.map(({ name, tensor }) => ({ name, alias: aliasOf(name, byName.get(tensor)) })));
  const verdict = modelVerdict(ofModel);
  const groups = groupFindings(unusualLayers(ofModel), map);
  return {
    ...modelTotals(ofModel),
    ...(verdict && {
      verdict: verdict.verdict,
      verdict_reason: verdict.sentence,
      ...(verdict.next !== undefined && { next_step: verdict.next }),
      verdict_evidence: verdict.evidence,
    }),
    findings: groups.map(({ kind, where, what, layers }) => ({
      kind,
      where,
      what,
      layers: layers.map(({ layer }) => layer),
    })),
  };
}

/** A layer of a stack is no tensor that other programs have a name for. */
function aliasOf(layer: string, tensor: TensorSummary | undefined): string | undefined {
  return layer === tensor?.name ? tensor.alias : undefined;
}
