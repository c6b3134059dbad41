import { Fault } from '../../domain/faults.ts'
import { eventTypes, type EventType } from '../../domain/event.ts'
import { readAmqpUrl } from './url.ts'

/** What somebody can say of a RabbitMQ where the service is started. */
export interface AmqpSettings {
  readonly url: string
  /** Which events are published; null: all. */
  readonly types: readonly EventType[] | null
}

/** As they were typed; undefined where they were left out. */
export interface TypedAmqp {
  readonly url: string | undefined
  /** Where it was said, for messages. */
  readonly urlName: string
  /** With commas between. */
  readonly types: string | undefined
  readonly typesName: string
}

/** null: there is none. Throws `cannot_open` with a sentence that says which cannot be, and shows no password. */
export function parseAmqp({ url, urlName, types, typesName }: TypedAmqp): AmqpSettings | null {
  const wanted = types === undefined ? null : parseTypes(types, typesName)
  if (url === undefined) return null
  try {
    readAmqpUrl(url)
  } catch (error) {
    throw new Fault('cannot_open', `${urlName} cannot be used. ${(error as Error).message}`, error)
  }
  return { url, types: wanted }
}

function parseTypes(text: string, name: string): readonly EventType[] {
  const named = text.split(',').map((one) => one.trim())
  const unknown = named.find((one) => !eventTypes.includes(one as EventType))
  if (unknown === undefined) return eventTypes.filter((one) => named.includes(one))
  throw new Fault('cannot_open', `${name} must be some of ${eventTypes.join(', ')}, with commas between; "${unknown}" is none of them.`)
}
