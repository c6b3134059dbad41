import type { ClientBase } from 'pg'
import { Fault } from '../../domain/faults.ts'

/** PostgreSQL 13 is the oldest that the statements were written for. */
const versionMin = 130_000

/** Refuse a server that cannot do it, and warn loudly of settings under which an acknowledged order can be lost. */
export async function checkServer(client: ClientBase, warn: (message: string) => void): Promise<void> {
  const setting = async (name: string): Promise<string> => {
    const { rows } = await client.query<{ value: string }>('select current_setting($1) as value', [name])
    return String(rows[0]?.value)
  }
  const version = Number(await setting('server_version_num'))
  if (version < versionMin) {
    throw new Fault('cannot_open', `PostgreSQL ${await setting('server_version')} is too old; Holdfast needs 13 or newer.`)
  }
  if ((await client.query<{ standby: boolean }>('select pg_is_in_recovery() as standby')).rows[0]?.standby === true) {
    throw new Fault('cannot_open', 'This PostgreSQL is a standby, which is read-only. Name the primary in the URL.')
  }
  const encoding = await setting('server_encoding')
  if (encoding !== 'UTF8') {
    throw new Fault(
      'cannot_open',
      `This database has the encoding ${encoding}, which cannot keep every name. Make one with: create database NAME encoding 'UTF8' template template0.`,
    )
  }
  for (const name of ['synchronous_commit', 'fsync', 'full_page_writes']) {
    if ((await setting(name)) !== 'off') continue
    warn(`PostgreSQL runs with ${name}=off: orders that were acknowledged can be lost when it crashes. Set ${name}=on.`)
  }
}
