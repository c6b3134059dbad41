/** The books of one sku: `reserved` in active reservations, `sold` in placed orders. `reserved + sold <= total`, always. */
export interface StockRow {
  readonly sku: string
  readonly total: number
  readonly reserved: number
  readonly sold: number
  /** 1 at creation, +1 on every change of total, reserved or sold. */
  readonly version: number
}

/** `available`: some are free. `all_reserved`: none are free and some may come back. `sold_out`: none will. */
export type StockStatus = 'available' | 'all_reserved' | 'sold_out'

/** The stock of one sku as everybody sees it: units of due reservations count as free, whether or not the books say so yet. */
export interface Stock extends StockRow {
  readonly available: number
  readonly status: StockStatus
  /** When the next active reservation of this sku would expire; epoch milliseconds. */
  readonly nextReleaseAt: number | null
}

/** What the active reservations of one sku will give back: units already due at the moment of reading, and when the next are. */
export interface Releases {
  readonly dueUnits: number
  readonly nextReleaseAt: number | null
}

export function viewStock(row: StockRow, releases: Releases): Stock {
  const reserved = row.reserved - releases.dueUnits
  const available = row.total - reserved - row.sold
  return {
    sku: row.sku,
    total: row.total,
    reserved,
    sold: row.sold,
    available,
    version: row.version,
    status: available > 0 ? 'available' : reserved > 0 ? 'all_reserved' : 'sold_out',
    nextReleaseAt: releases.nextReleaseAt,
  }
}
