/** The numbers of a plot as a table, before they are elements of a page. */
export interface TwinTable {
  caption: string;
  columns: string[];
  rows: string[][];
}
