import { Fault } from '../../domain/faults.ts'

export interface AmqpUrl {
  readonly host: string
  readonly port: number
  readonly username: string
  readonly password: string
  /** The virtual host. */
  readonly vhost: string
  readonly tls: boolean
  /** For messages, without the password. */
  readonly where: string
}

const form = 'Write it as amqp://user:password@host:5672/vhost, or with amqps:// for TLS.'
const encoded = 'In a user, a password or a virtual host, write / ? # @ and % as %2F %3F %23 %40 and %25.'

/** `amqp://user:password@host:port/vhost`; `amqps://` with TLS. Throws `cannot_open` with a sentence that says what is wrong and shows no password. */
export function readAmqpUrl(text: string): AmqpUrl {
  const url = parse(text)
  if (url === null) throw new Fault('cannot_open', `This is not the URL of a RabbitMQ. ${form} ${encoded}`)
  const [option] = url.searchParams.keys()
  if (option !== undefined) throw new Fault('cannot_open', `The URL of a RabbitMQ has no options, so none named "${option}". ${form}`)
  const tls = url.protocol === 'amqps:'
  const host = url.hostname === '' ? '127.0.0.1' : url.hostname.replaceAll(/^\[|\]$/g, '')
  const port = url.port === '' ? (tls ? 5671 : 5672) : Number(url.port)
  const isAnonymous = url.username === '' && url.password === ''
  return {
    host,
    port,
    username: isAnonymous ? 'guest' : decode(url.username),
    password: isAnonymous ? 'guest' : decode(url.password),
    vhost: decode(url.pathname.slice(1)) || '/',
    tls,
    where: `RabbitMQ at ${host}:${port}`,
  }
}

/** null where it cannot be one, also where a password that is not encoded would be taken for something else, which messages show. */
function parse(text: string): URL | null {
  if (!/^amqps?:\/\//i.test(text) || !URL.canParse(text)) return null
  const url = new URL(text)
  const isMisread = `${url.pathname}${url.search}${url.hash}`.includes('@') || url.hash !== '' || url.pathname.slice(1).includes('/')
  return isMisread ? null : url
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch (error) {
    throw new Fault('cannot_open', `The user, the password or the virtual host in the URL of a RabbitMQ cannot be read. ${encoded}`, error)
  }
}
