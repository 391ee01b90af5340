/** Puts a person's own numbers beside those of a report's layers. */
import type { InspectReport } from '../../shared/inspectReport';
import { ownColumns, type OwnNumbers } from '../../shared/ownNumbers';

export function withOwn(report: InspectReport, own: readonly OwnNumbers[]): InspectReport {
  const columns = ownColumns(own);
  if (columns.size === 0) return report;
  const layers = report.layers.map((layer) => {
    const numbers = [...columns].flatMap(([name, values]): [string, number][] => {
      const value = values.get(layer.name);
      return value === undefined ? [] : [[name, value]];
    });
    return numbers.length === 0 ? layer : { ...layer, own: Object.fromEntries(numbers) };
  });
  return { ...report, layers };
}
