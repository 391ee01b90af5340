/** For pages, to be evaluated: the name of the row at the top of the table, below its titles. */
export const TOP_ROW = `(() => {
  const table = document.querySelector('.table');
  const under = table.querySelector('.table-head').getBoundingClientRect().bottom + 4;
  const rows = [...table.querySelectorAll('.table-body [role=row]')];
  const row = rows.find((each) => each.checkVisibility() && each.getBoundingClientRect().bottom > under);
  return row?.querySelector('[aria-colindex="1"]')?.textContent.trim() ?? '';
})()`;
