/** Finds text that a person cannot read: cut off by a box, drawn outside of one, or beyond the page's edge. */
import type { Page } from 'playwright-core';

/**
 * Runs in the page. Text counts as cut where it reaches beyond what clips it, unless one can scroll to it, or it ends in
 * an ellipsis and a title on the element or around it says the whole.
 */
const CUT_TEXTS = `() => {
  const SLACK = 1.5;
  const parentOf = (element) => element.assignedSlot ?? element.parentElement ?? element.getRootNode().host ?? null;
  const scrolls = (value) => value === 'auto' || value === 'scroll';
  const titled = (element) => {
    for (let each = element; each; each = parentOf(each)) if (each.title || each.ariaLabel) return true;
    return false;
  };
  const isCut = (element, text) => {
    const range = document.createRange();
    range.selectNodeContents(text);
    const { left, right, width } = range.getBoundingClientRect();
    if (width === 0) return false;
    for (let box = element; box; box = parentOf(box)) {
      const style = getComputedStyle(box);
      if (style.clipPath !== 'none') return false;
      if (box === document.documentElement || box === document.body || box instanceof SVGElement) continue;
      const { left: start, right: end } = box.getBoundingClientRect();
      const outside = left < start - SLACK || right > end + SLACK;
      if (style.overflowX === 'visible' || style.display === 'contents' || !outside) {
        if (style.position === 'fixed') break;
        continue;
      }
      // A layer's view is read downwards: what is too wide for it is cut.
      if (scrolls(style.overflowX)) return box.matches('.layer-body, .compare-body');
      return !(style.textOverflow === 'ellipsis' && titled(element));
    }
    return left < -SLACK || right > innerWidth + SLACK;
  };
  const found = [];
  const visit = (root) => {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (node.shadowRoot) visit(node.shadowRoot);
      const element = node.parentElement;
      if (node.nodeType !== Node.TEXT_NODE || node.data.trim() === '' || !element) continue;
      if (['STYLE', 'SCRIPT'].includes(element.tagName) || !element.checkVisibility({ visibilityProperty: true })) continue;
      if (isCut(element, node)) found.push((element.className.baseVal ?? element.className) + ': ' + node.data.trim());
    }
  };
  visit(document.body);
  return [...new Set(found)];
}`;

/** Every text in sight that is cut, after the class of its element. */
export function cutTexts(page: Page): Promise<string[]> {
  return page.evaluate(`(${CUT_TEXTS})()`);
}
