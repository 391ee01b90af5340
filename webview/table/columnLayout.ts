/** Which columns the table shows. Pure. */

/** Always the first column: a row without its name says nothing. */
export const NAME_COLUMN = 'name';
