/** The numbers of several layers side by side: a column a layer, a row a number, with the marks of the big table. */
import { l10n } from '../../extension/shared/language/l10n';
import { breakableName, element } from '../controls/elements';
import type { TreeNode } from '../model/moduleTree';
import type { Column } from '../table/columns';
import { curveClass } from '../plots/curveMarks';

/** @param open shows one of the layers alone */
export function compareHead(nodes: readonly TreeNode[], open: (node: TreeNode) => void): HTMLElement {
  const titles = nodes.map((node, index) =>
    element(
      'th',
      { scope: 'col' },
      swatch(index),
      element('button', { class: 'link', type: 'button', click: () => open(node) }, ...breakableName(node.name)),
    ),
  );
  return element('thead', {}, element('tr', {}, element('th', { scope: 'col' }, l10n.t('Number')), ...titles));
}

/**
 * Numbers that at least one of the layers has.
 *
 * @param columns of the big table, the name's not among them
 */
export function compareRows(columns: readonly Column[], nodes: readonly TreeNode[]): HTMLElement[] {
  return columns.flatMap((column) => {
    const cells = nodes.map((node) => column.cell(node));
    if (cells.every(({ text }) => text === '' || text === '–')) return [];
    const numbers = cells.map(({ text, title, mark, estimated }) => {
      const hint = title ?? mark?.words;
      return element(
        'td',
        { ...(hint !== undefined && { title: hint }), ...(estimated && { class: 'estimated', 'aria-label': hint }) },
        element('span', { class: mark ? `heat heat-${mark.name}` : '' }, mark?.sign ? `${mark.sign} ${text}` : text),
      );
    });
    return [element('tr', {}, element('th', { scope: 'row', title: column.description }, column.label), ...numbers)];
  });
}

/** A piece of the layer's curve, as the plot draws it. */
function swatch(index: number): SVGSVGElement {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('class', 'curve-swatch');
  svg.setAttribute('viewBox', '0 0 28 8');
  svg.setAttribute('aria-hidden', 'true');
  const piece = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  piece.setAttribute('class', curveClass(index));
  piece.setAttribute('d', 'M0 4H28');
  svg.append(piece);
  return svg;
}
