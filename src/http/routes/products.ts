import type { FastifyInstance } from 'fastify'
import Type, { type Static } from 'typebox'
import { saleWindowProblem } from '../../domain/product.ts'
import { adjustStockCommand, createProductCommand, updateProductCommand } from '../../engine/commands.ts'
import type { Holdfast } from '../../engine/holdfast.ts'
import { parseInstant } from '../../engine/instant.ts'
import * as inputs from '../../engine/schemas.ts'
import { idempotencyOf, outcomeBody } from '../answer.ts'
import { access } from '../caller.ts'
import { InvalidRequest } from '../body.ts'
import { refusalBody } from '../problem.ts'
import {
  IdempotencyHeaders as headers,
  pageOf,
  PageQuery,
  problems,
  ProductSchema,
  StockSchema,
  readProblems,
  writeProblems,
} from '../schemas.ts'
import { viewPage, viewProduct, viewStock } from '../../engine/views.ts'

const tags = ['Products']
const params = Type.Object({ sku: Type.String() })

export function productRoutes(app: FastifyInstance, shop: Holdfast): void {
  app.post<{ Body: Static<typeof inputs.CreateProductBody> }>(
    '/v1/products',
    {
      config: { access: access.admin },
      schema: {
        tags,
        operationId: 'createProduct',
        summary: 'Put a product on sale',
        headers,
        body: inputs.CreateProductBody,
        response: { 201: ProductSchema, ...problems(...writeProblems, 'product_exists') },
      },
    },
    async (request, reply) => {
      const outcome = await shop.submit(createProductCommand(withInstants(request.body), idempotencyOf(request)))
      return outcomeBody(reply, outcome, { view: viewProduct, createdStatus: 201, location: ({ sku }) => `/v1/products/${sku}` })
    },
  )

  app.get<{ Querystring: { limit?: number; cursor?: string } }>(
    '/v1/products',
    {
      config: { access: access.anybody },
      schema: {
        tags,
        operationId: 'listProducts',
        summary: 'List products, by sku',
        querystring: Type.Object(PageQuery, { additionalProperties: false }),
        response: { 200: pageOf(ProductSchema), ...problems(...readProblems) },
      },
    },
    async (request) => viewPage(await shop.products(request.query), viewProduct),
  )

  app.get<{ Params: { sku: string } }>(
    '/v1/products/:sku',
    {
      config: { access: access.anybody },
      schema: {
        tags,
        operationId: 'getProduct',
        summary: 'Read a product',
        params,
        response: { 200: ProductSchema, ...problems(...readProblems, 'product_not_found') },
      },
    },
    async (request, reply) => {
      const { sku } = request.params
      const product = await shop.product(sku)
      return product === null ? refusalBody(reply, { code: 'product_not_found', sku }) : viewProduct(product)
    },
  )

  app.patch<{ Params: { sku: string }; Body: Static<typeof inputs.UpdateProductBody> }>(
    '/v1/products/:sku',
    {
      config: { access: access.admin },
      schema: {
        tags,
        operationId: 'updateProduct',
        summary: 'Change a product',
        description: 'null clears an optional property. Stock is changed by stock adjustments.',
        headers,
        params,
        body: inputs.UpdateProductBody,
        response: { 200: ProductSchema, ...problems(...writeProblems, 'product_not_found') },
      },
    },
    async (request, reply) => {
      const outcome = await shop.submit(updateProductCommand(request.params.sku, withInstants(request.body), idempotencyOf(request)))
      return outcomeBody(reply, outcome, { view: viewProduct })
    },
  )

  app.get<{ Params: { sku: string } }>(
    '/v1/products/:sku/stock',
    {
      config: { access: access.anybody },
      schema: {
        tags,
        operationId: 'getStock',
        summary: 'Read the stock of a product',
        params,
        response: { 200: StockSchema, ...problems(...readProblems, 'product_not_found') },
      },
    },
    async (request, reply) => {
      const { sku } = request.params
      const product = await shop.product(sku)
      return product === null ? refusalBody(reply, { code: 'product_not_found', sku }) : viewStock(product.stock)
    },
  )

  app.post<{ Params: { sku: string }; Body: inputs.AdjustStockInput }>(
    '/v1/products/:sku/stock-adjustments',
    {
      config: { access: access.admin },
      schema: {
        tags,
        operationId: 'adjustStock',
        summary: 'Put more units on sale, or take unsold ones off',
        headers,
        params,
        body: inputs.AdjustStockInput,
        response: { 200: StockSchema, ...problems(...writeProblems, 'product_not_found', 'stock_below_committed') },
      },
    },
    async (request, reply) => {
      const outcome = await shop.submit(adjustStockCommand(request.params.sku, request.body, idempotencyOf(request)))
      return outcomeBody(reply, outcome, { view: viewStock })
    },
  )
}

type Dated = { readonly saleStartsAt?: string | null; readonly saleEndsAt?: string | null }
type WithInstants<Body extends Dated> = Omit<Body, keyof Dated> & { saleStartsAt?: number | null; saleEndsAt?: number | null }

/** Instants are text outside and epoch milliseconds inside. */
function withInstants<Body extends Dated>({ saleStartsAt, saleEndsAt, ...rest }: Body): WithInstants<Body> {
  const startsAt = saleStartsAt == null ? saleStartsAt : parseInstant(saleStartsAt)
  const endsAt = saleEndsAt == null ? saleEndsAt : parseInstant(saleEndsAt)
  // Validation comes before all other refusals; what only one of the two says is compared where the other is known.
  const problem = saleWindowProblem({ saleStartsAt: startsAt ?? null, saleEndsAt: endsAt ?? null })
  if (problem?.code === 'validation_failed') throw new InvalidRequest(problem.errors)
  return {
    ...rest,
    ...(startsAt === undefined ? {} : { saleStartsAt: startsAt }),
    ...(endsAt === undefined ? {} : { saleEndsAt: endsAt }),
  }
}
