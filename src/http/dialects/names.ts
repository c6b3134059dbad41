/** The older APIs, by the names that settings use. */
export const dialectNames = ['cart', 'flash', 'drop', 'checkout', 'product-page'] as const

export type DialectName = (typeof dialectNames)[number]

export interface DialectSettings {
  /** Which are served. */
  readonly names: readonly DialectName[]
  /** Of their prices, which are plain numbers. */
  readonly currency: string
}

export const everyDialect: DialectSettings = { names: dialectNames, currency: 'USD' }
