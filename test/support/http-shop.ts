import type { Answer, Service } from './http.ts'
import type { Order, Product, Reservation, Stock } from './http-shapes.ts'

let made = 0

/** An sku that no other test uses. */
export function freshSku(prefix = 'sku'): string {
  return `${prefix}-${++made}`
}

/** Put a product on sale and give back its sku. */
export async function putOnSale(service: Service, totalStock: number, details: object = {}, sku = freshSku()): Promise<string> {
  const answer = await service.post<Product>('/v1/products', { sku, name: `Product ${sku}`, totalStock, ...details })
  if (answer.status !== 201) throw new Error(answer.text)
  return sku
}

export interface ReserveOptions {
  readonly userId?: string
  readonly quantity?: number
  readonly ttlSeconds?: number
  readonly metadata?: Readonly<Record<string, string>>
}

/** The body of a reservation of one sku. */
export function reservationOf(sku: string, { userId = 'ada', quantity = 1, ...rest }: ReserveOptions = {}) {
  return { userId, items: [{ sku, quantity }], ...rest }
}

/** Reserve one sku; throws when it is refused. */
export async function reserve(service: Service, sku: string, options: ReserveOptions = {}): Promise<Reservation> {
  return made201(await service.post<Reservation>('/v1/reservations', reservationOf(sku, options)))
}

/** Reserve and confirm; throws when either is refused. */
export async function buy(service: Service, sku: string, options: ReserveOptions = {}): Promise<Order> {
  const { id } = await reserve(service, sku, options)
  return made201(await service.post<Order>(`/v1/reservations/${id}/confirm`))
}

function made201<Thing>(answer: Answer<Thing>): Thing {
  if (answer.status !== 201) throw new Error(answer.text)
  return answer.body
}

export async function stockOf(service: Service, sku: string): Promise<Stock> {
  return (await service.get<Stock>(`/v1/products/${sku}/stock`)).body
}

/** total, reserved, sold, available, version: enough to see whether anything happened. */
export async function booksOf(service: Service, sku: string): Promise<string> {
  const { total, reserved, sold, available, version } = await stockOf(service, sku)
  return `${total} total, ${reserved} reserved, ${sold} sold, ${available} available, version ${version}`
}
