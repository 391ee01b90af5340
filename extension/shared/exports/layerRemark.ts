/** What stands beside a layer's numbers: a few words, if there is anything to say. */
import type { ReportedLayer } from '../inspectReport';
import { failedFit, isAllZero, lostRank } from '../layerFindings';
import type { NotModel } from '../tensors';
import type { Verdict, VerdictCheck } from '../verdict';
import { shortCell } from '../visibleText';

/** @returns an empty text where there is nothing to say. It may quote names and reasons from the file */
export function layerRemark(layer: ReportedLayer, notModel: NotModel | undefined): string {
  const [problem] = layer.problems;
  if (problem) return problem.code;
  if (isAllZero(layer)) return 'all zero';
  const failed = failedFit(layer);
  if (failed !== undefined) return `no fit: ${failed}`;
  if (notModel !== undefined) return notModel;
  const remarks = layer.tiedWith === undefined ? [] : [`tied with ${shortCell(layer.tiedWith)}`];
  const verdict = verdictRemark(layer);
  if (verdict !== undefined) remarks.push(verdict);
  const lost = lostRank(layer);
  if (lost > 0) remarks.push(`rank loss ${lost}`);
  return remarks.join(', ');
}

/** Nothing where alpha lies in 2–6 with the evidence for it, and where there is none. */
function verdictRemark({ metrics, verdict, verdict_evidence: evidence = [] }: ReportedLayer): string | undefined {
  if (verdict === undefined || verdict === WELL_TRAINED || typeof metrics.alpha !== 'number') return undefined;
  const lacking = evidence.find(({ holds }) => !holds);
  return lacking ? `${verdict}: ${LACKING[lacking.check]}` : verdict;
}

/** What a verdict lacks, in a few words. */
const LACKING: Record<VerdictCheck['check'], string> = {
  subject: 'no weight',
  fit: 'no fit',
  tail: 'short tail',
  spikes: 'indistinguishable from random',
  shuffled: 'indistinguishable from random',
  entries: 'single large entries',
  zeros: 'mostly zeros',
  distance: 'D too large',
  bootstrap: 'p too small',
  law: 'another law fits better',
  limits: 'α ± 2σ crosses a limit',
  shape: 'its shape explains it',
};

const WELL_TRAINED: Verdict = 'typical of well-trained layers';
