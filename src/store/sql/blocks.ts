/** Rows of reservations and orders come in blocks of so many, by seq; see docs/decisions/0006-blocks.md. */
export const blockBits = 13

/** The block of a row, as the indexes have it; some have blocks of another size. */
export function blockOf(seq: number, bits = blockBits): number {
  return Math.floor(seq / 2 ** bits)
}

/** A block has sixteen chunks of so many rows: what is due together is kept by the chunk, not row by row. */
export const chunkBits = 9

/** The chunk of a row of reservations. */
export function chunkOf(seq: number): number {
  return Math.floor(seq / 2 ** chunkBits)
}

/** SQL: the active reservations (r) that a row of `open_lines` stands for; and those of other skus with its due time and chunk. */
export function inChunk(row: string): string {
  return `r.seq >= ${row}.chunk << ${chunkBits} and r.seq < (${row}.chunk + 1) << ${chunkBits} and r.status = 'active' and r.expires_at = ${row}.due_at`
}

/** The first row of a block. */
export function blockStart(block: number, bits = blockBits): number {
  return block * 2 ** bits
}

/** Blocks in which one page of a list may look for the rows of a user. */
export const windowBlocks = 1_024

/** Rows one page of a list may look at for a filter that no index serves; bounds how long one reader keeps the others waiting. */
export const windowRows = 50_000
