import Type, { type Static, type TObject, type TString } from 'typebox'
import type { Command, Idempotency, Outcome, OutcomeOf, Results } from '../../domain/command.ts'
import type { InputError } from '../../domain/refusals.ts'
import { compileCheck, type Check } from '../../engine/check.ts'
import * as commands from '../../engine/commands.ts'
import { keyErrors, metadataErrors, type Holdfast } from '../../engine/holdfast.ts'
import { readJson, requestBytesMax } from '../../engine/json.ts'
import * as schemas from '../../engine/schemas.ts'
import { viewOrder, viewReservation, viewStock } from '../../engine/views.ts'

/** A message of the queue of commands, checked. */
export interface AmqpCommand {
  readonly id: string
  /** Commands that concern the same thing are done in their order. */
  readonly subject: string
  /** The outcome as the HTTP API shows it. Safe to repeat: once for each id. Throws what `Holdfast.submit` throws. */
  readonly run: (shop: Pick<Holdfast, 'submit'>) => Promise<Outcome<object>>
}

export type ReadCommand =
  | { readonly ok: true; readonly command: AmqpCommand }
  | { readonly ok: false; readonly id: string | null; readonly errors: readonly InputError[] }

interface Kind {
  readonly check: Check
  readonly nameOf: (body: Body) => string
  readonly run: (shop: Pick<Holdfast, 'submit'>, body: Body, key: Idempotency) => Promise<Outcome<object>>
}

type Body = Readonly<Record<string, unknown>> & { readonly type: string }

const Id = Type.String({ minLength: 1, maxLength: 255 })

/** The properties of a kind are those of the body of its HTTP request, and what that names in its path. */
const kinds: Readonly<Record<string, Kind>> = {
  confirm: kind('reservationId', Id, schemas.ConfirmInput, commands.confirmCommand, viewOrder),
  cancel: kind('reservationId', Id, schemas.CancelInput, commands.cancelCommand, viewReservation),
  extend: kind('reservationId', Id, schemas.ExtendInput, commands.extendCommand, viewReservation),
  cancel_order: kind('orderId', Id, schemas.CancelOrderInput, commands.cancelOrderCommand, viewOrder),
  adjust_stock: kind('sku', schemas.Sku, schemas.AdjustStockInput, commands.adjustStockCommand, viewStock),
}

function kind<Schema extends TObject, C extends Command>(
  subject: string,
  Subject: TString,
  input: Schema,
  build: (subject: string, input: Static<Schema>, key: Idempotency) => C,
  view: (value: Results[C['type']]) => object,
): Kind {
  const properties = { id: Type.Optional(Type.String()), type: Type.String(), [subject]: Subject, ...input.properties }
  const nameOf = (body: Body): string => body[subject] as string
  return {
    check: compileCheck(Type.Object(properties, { additionalProperties: false })),
    nameOf,
    run: async (shop, body, key) => {
      const outcome: OutcomeOf<C> = await shop.submit(build(nameOf(body), body as Static<Schema>, key))
      return outcome.ok ? { ...outcome, value: view(outcome.value) } : outcome
    },
  }
}

/** `messageId` names it where its body does not. */
export function readCommand(content: Buffer, messageId: string | undefined): ReadCommand {
  let id = messageId ?? null
  const wrong = (errors: readonly InputError[]): ReadCommand => ({ ok: false, id, errors })
  if (content.length > requestBytesMax)
    return wrong([{ path: '', message: `has ${content.length} bytes; at most ${requestBytesMax} are allowed` }])
  const read = readJson(content)
  if (!read.ok) return wrong(read.errors)
  const body = read.value as Partial<Body> | null
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return wrong([{ path: '', message: 'must be an object' }])
  if (typeof body['id'] === 'string') id = body['id']
  const found = typeof body.type === 'string' && Object.hasOwn(kinds, body.type) ? kinds[body.type] : undefined
  if (found === undefined) return wrong([{ path: '/type', message: `must be one of ${Object.keys(kinds).join(', ')}` }])
  const errors = found.check(body) ?? metadataErrors(body) ?? idErrors(id)
  if (errors !== null) return wrong(errors)
  const checked = body as Body
  return { ok: true, command: commandOf(id!, found, checked) }
}

function idErrors(id: string | null): readonly InputError[] | null {
  if (id === null) return [{ path: '/id', message: 'is required, here or as the message id' }]
  return keyErrors(id, '/id')
}

function commandOf(id: string, { nameOf, run }: Kind, body: Body): AmqpCommand {
  // Wherever it is named: the same command is the same with its id in the body and beside it.
  const { id: _id, ...meaning } = body
  const key = { scope: `amqp ${body.type}`, key: id, fingerprint: commands.fingerprint(meaning) }
  return { id, subject: nameOf(body), run: (shop) => run(shop, body, key) }
}
