import type { Books } from './books.ts'
import type { AdjustStock, CreateProduct, Outcome, UpdateProduct } from './command.ts'
import { limits } from './limits.ts'
import { patchProduct, saleWindowProblem, type Product, type ProductRow } from './product.ts'
import type { Stock } from './stock.ts'
import { addProduct, adjustTotal, changeProduct } from './transitions.ts'

export function createProduct(books: Books, command: CreateProduct): Outcome<Product> {
  const problem = saleWindowProblem(command.details)
  if (problem !== null) return { ok: false, refusal: problem }
  if (books.products.get(command.sku) !== undefined) return { ok: false, refusal: { code: 'product_exists' } }

  const row: ProductRow = { sku: command.sku, ...command.details, createdAt: books.now, updatedAt: books.now }
  return { ok: true, value: addProduct(books, row, command.totalStock), created: true, replayed: false }
}

/** A patch that changes nothing is no transition. */
export function updateProduct(books: Books, command: UpdateProduct): Outcome<Product> {
  const row = books.products.get(command.sku)
  if (row === undefined) return { ok: false, refusal: { code: 'product_not_found', sku: command.sku } }
  const next = patchProduct(row, command.patch, books.now)
  const problem = saleWindowProblem(next)
  if (problem !== null) return { ok: false, refusal: problem }

  return { ok: true, value: changeProduct(books, row, next), created: false, replayed: false }
}

/** More or fewer units on sale; never fewer than are reserved and sold. */
export function adjustStock(books: Books, command: AdjustStock): Outcome<Stock> {
  const row = books.stock.get(command.sku)
  if (row === undefined) return { ok: false, refusal: { code: 'product_not_found', sku: command.sku } }
  const total = row.total + command.delta
  if (total > limits.totalStockMax) {
    const message = `would make the total ${total}; at most ${limits.totalStockMax} are allowed`
    return { ok: false, refusal: { code: 'validation_failed', errors: [{ path: '/delta', message }] } }
  }
  if (total < row.reserved + row.sold) {
    return { ok: false, refusal: { code: 'stock_below_committed', total: row.total, reserved: row.reserved, sold: row.sold } }
  }
  return { ok: true, value: adjustTotal(books, command.sku, command.delta, command.reason), created: false, replayed: false }
}
