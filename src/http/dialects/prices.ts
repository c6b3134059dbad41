import { limits } from '../../domain/limits.ts'
import type { Money } from '../../domain/product.ts'
import { InvalidRequest } from '../body.ts'

/** Prices as plain numbers, such as 99.99; inside they are whole numbers of minor units, such as 9999. */

/** Digits after the point: 2 of the dollar, 0 of the yen. */
function decimalsOf(currency: string): number {
  return new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2
}

/** From the digits that were sent and not by multiplying: 1.15 × 100 is not 115 in binary fractions. */
export function moneyOf(price: number, currency: string, path: string): Money {
  const decimals = decimalsOf(currency)
  const [, whole, fraction = ''] = /^(\d+)(?:\.(\d+))?$/.exec(String(price)) ?? []
  const amount = whole === undefined || fraction.length > decimals ? NaN : Number(whole + fraction.padEnd(decimals, '0'))
  if (amount <= limits.priceAmountMax) return { amount, currency }
  const most = limits.priceAmountMax / 10 ** decimals
  throw new InvalidRequest([{ path, message: `must be from 0 to ${most} with at most ${decimals} decimals` }])
}

export function priceOf(money: Money | null): number | null {
  return money === null ? null : money.amount / 10 ** decimalsOf(money.currency)
}
