/** Rows of reservations and orders come in blocks of so many, by seq; see docs/decisions/0006-blocks.md. */
export const blockBits = 13

/** The block of a row, as the indexes have it. */
export function blockOf(seq: number): number {
  return Math.floor(seq / 2 ** blockBits)
}

/** The first row of a block. */
export function blockStart(block: number): number {
  return block * 2 ** blockBits
}

/** Blocks in which one page of a list may look for the rows of a user: eight million rows. */
export const windowBlocks = 1_024

/** Rows one page of a list may look at for a filter that no index serves; bounds how long one reader keeps the others waiting. */
export const windowRows = 50_000
