import type {
  AdjustStockInput,
  CancelInput,
  CancelOrderInput,
  ConfirmInput,
  CreateProductInput,
  ExtendInput,
  ReserveInput,
  UpdateProductInput,
} from '../../src/engine/schemas.ts'
import type { Holdfast } from '../../src/index.ts'

export type Call =
  | { readonly verb: 'createProduct'; readonly input: CreateProductInput }
  | { readonly verb: 'updateProduct'; readonly id: string; readonly input: UpdateProductInput }
  | { readonly verb: 'adjustStock'; readonly id: string; readonly input: AdjustStockInput }
  | { readonly verb: 'reserve'; readonly input: ReserveInput }
  | { readonly verb: 'confirm'; readonly id: string; readonly input: ConfirmInput }
  | { readonly verb: 'cancel'; readonly id: string; readonly input: CancelInput }
  | { readonly verb: 'extend'; readonly id: string; readonly input: ExtendInput }
  | { readonly verb: 'cancelOrder'; readonly id: string; readonly input: CancelOrderInput }

/** One write as a caller asks for it. */
export interface Request {
  readonly call: Call
  readonly key: string | null
}

/** An answer as it is compared: the value as plain data. */
export type Answer =
  | { readonly ok: true; readonly value: unknown; readonly created: boolean; readonly replayed: boolean }
  | { readonly ok: false; readonly refusal: { readonly code: string } }

export function send(shop: Holdfast, { call, key }: Request): Promise<Answer> {
  const options = key === null ? {} : { idempotencyKey: key }
  switch (call.verb) {
    case 'createProduct':
      return shop.createProduct(call.input, options)
    case 'updateProduct':
      return shop.updateProduct(call.id, call.input, options)
    case 'adjustStock':
      return shop.adjustStock(call.id, call.input, options)
    case 'reserve':
      return shop.reserve(call.input, options)
    case 'confirm':
      return shop.confirm(call.id, call.input, options)
    case 'cancel':
      return shop.cancel(call.id, call.input, options)
    case 'extend':
      return shop.extend(call.id, call.input, options)
    case 'cancelOrder':
      return shop.cancelOrder(call.id, call.input, options)
  }
}
