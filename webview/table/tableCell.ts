/** One number or word of a visible row. Writes to the page only what changed. */
import { element } from '../controls/elements';
import type { TreeNode } from '../model/moduleTree';
import type { Column } from './columns';

export class CellView {
  readonly element: HTMLElement;
  private readonly text = document.createTextNode('');
  private classes = '';
  private hint = '';
  private label: string | null = null;

  constructor(
    private readonly column: Column,
    position: number,
  ) {
    this.element = element('div', { role: 'gridcell', 'aria-colindex': position }, this.text);
  }

  show(node: TreeNode): void {
    const { text, title, mark, mean, estimated } = this.column.cell(node);
    let classes = `cell ${this.column.align}`;
    if (mark) classes += ` heat heat-${mark.name}`;
    if (mean) classes += ' mean';
    if (estimated) classes += ' estimated';
    if (classes !== this.classes) {
      this.classes = classes;
      this.element.className = classes;
    }
    setText(this.text, mark?.sign ? `${mark.sign} ${text}` : text);
    const hint = title ?? mark?.words ?? '';
    if (hint !== this.hint) {
      this.hint = hint;
      this.element.title = hint;
    }
    // The interval is part of the number: a tooltip alone is not read out.
    const label = estimated ? hint : null;
    if (label === this.label) return;
    this.label = label;
    if (label === null) this.element.removeAttribute('aria-label');
    else this.element.setAttribute('aria-label', label);
  }
}

export function setText(node: Text, text: string): void {
  if (node.data !== text) node.data = text;
}
