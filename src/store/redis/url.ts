import { Fault } from '../../domain/faults.ts'

export interface RedisUrl {
  readonly host: string
  readonly port: number
  readonly username: string | undefined
  readonly password: string | undefined
  readonly database: number
  readonly tls: boolean
  /** Of the names of all keys; several shops may share one Redis. */
  readonly namespace: string
  /** Another that the ledger may still belong to: it moves to this one. */
  readonly from: string | null
  /** For messages, without the password. */
  readonly where: string
}

/** `redis://user:password@host:port/database?namespace=NAME`; `rediss://` with TLS. Throws `cannot_open` with a sentence that says what is wrong. */
export function readUrl(text: string): RedisUrl {
  const example = 'Write it as redis://user:password@host:6379/0?namespace=shop.'
  const url = parse(text)
  if (url === null) throw new Fault('cannot_open', `This is not the URL of a Redis. ${example} ${encoded}`)
  const database = url.pathname.slice(1)
  if (!/^\d{0,5}$/.test(database)) throw new Fault('cannot_open', `The database of a Redis is a number, not "${database}". ${example}`)
  const [namespace, from] = [url.searchParams.get('namespace') ?? 'holdfast', url.searchParams.get('from')]
  for (const name of [namespace, from]) {
    if (name !== null && !/^[A-Za-z0-9._-]{1,64}$/.test(name))
      throw new Fault('cannot_open', `The namespace "${name}" must be 1 to 64 letters, digits, dots, hyphens or underscores.`)
  }
  for (const name of url.searchParams.keys()) {
    if (name !== 'namespace' && name !== 'from')
      throw new Fault('cannot_open', `The URL of a Redis has no option "${name}"; there are only namespace and from. ${example}`)
  }
  const host = url.hostname === '' ? '127.0.0.1' : url.hostname.replaceAll(/^\[|\]$/g, '')
  const port = url.port === '' ? 6379 : Number(url.port)
  return {
    host,
    port,
    username: decode(url.username),
    password: decode(url.password),
    database: Number(database),
    tls: url.protocol === 'rediss:',
    namespace,
    from,
    where: `Redis at ${host}:${port}`,
  }
}

const encoded = 'In a user or a password, write / ? # @ and % as %2F %3F %23 %40 and %25.'

/** null where it cannot be one, also where a password that is not encoded would be taken for something else, which messages show. */
function parse(text: string): URL | null {
  if (!/^rediss?:\/\//i.test(text) || !URL.canParse(text)) return null
  const url = new URL(text)
  return `${url.pathname}${url.search}${url.hash}`.includes('@') || url.hash !== '' ? null : url
}

function decode(part: string): string | undefined {
  try {
    return part === '' ? undefined : decodeURIComponent(part)
  } catch (error) {
    throw new Fault('cannot_open', `The user or the password in the URL of a Redis cannot be read. ${encoded}`, error)
  }
}
