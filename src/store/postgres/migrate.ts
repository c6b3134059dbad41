import { readdirSync, readFileSync } from 'node:fs'
import type { ClientBase } from 'pg'
import { Fault } from '../../domain/faults.ts'

const folder = new URL('./migrations/', import.meta.url)
const files = readdirSync(folder)
  .filter((name) => name.endsWith('.sql'))
  .toSorted()

/** What this Holdfast reads and writes: as many migrations as there are. */
export const schemaVersion = files.length

/** "Hold" in ASCII: nodes that start at once take turns. */
const lockId = 0x486f6c64

/**
 * Run the numbered `.sql` files that this schema has not seen, each with its number in one transaction, under an advisory lock: ten nodes may start at once. Safe to repeat.
 * A schema that is up to date needs no right to change it. How many were run. Throws `cannot_open` when the schema is newer than this Holdfast.
 */
export async function migrate(client: ClientBase, schema: string): Promise<number> {
  if (await isUpToDate(client, schema)) return 0
  await client.query('begin')
  try {
    await client.query(`select pg_advisory_xact_lock(${lockId}, hashtext($1))`, [schema])
    const version = await versionOf(client, schema)
    if (version > schemaVersion) {
      throw new Fault(
        'cannot_open',
        `The schema "${schema}" was made by a newer Holdfast (version ${version} of the schema; this one knows ${schemaVersion}). Start that version, or a newer one.`,
      )
    }
    if (version === 0) await client.query(`create schema if not exists "${schema}"`)
    await client.query(`set local search_path = "${schema}"`)
    if (version === 0)
      await client.query(
        'create table migrations (version integer primary key, name text not null, run_at timestamptz not null default now())',
      )
    for (const [index, name] of files.entries()) {
      if (index < version) continue
      await client.query(readFileSync(new URL(name, folder), 'utf8'))
      await client.query('insert into migrations (version, name) values ($1, $2)', [index + 1, name])
    }
    await passOnRights(client, schema)
    await client.query('commit')
    return schemaVersion - version
  } catch (error) {
    await client.query('rollback').catch(() => {})
    throw error
  }
}

/** Tables and sequences that a migration made get the rights that others were given on `stock` and `reservation_seq`: a service of another role must go on. */
async function passOnRights(client: ClientBase, schema: string): Promise<void> {
  const { rows } = await client.query<{ text: string }>(
    `select format('grant %s on %s %I.%I to %s', given.privilege_type, case made.relkind when 'S' then 'sequence' else 'table' end, n.nspname, made.relname,
        case given.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(given.grantee)) end) as text
      from pg_namespace n join pg_class made on made.relnamespace = n.oid and made.relkind in ('r', 'S') and made.relacl is null
      join pg_class model on model.relnamespace = n.oid and model.relname = case made.relkind when 'S' then 'reservation_seq' else 'stock' end
      cross join lateral aclexplode(model.relacl) given
      where n.nspname = $1 and given.grantee <> made.relowner`,
    [schema],
  )
  for (const { text } of rows) await client.query(text)
}

export async function isUpToDate(client: ClientBase, schema: string): Promise<boolean> {
  return (await versionOf(client, schema)) === schemaVersion
}

/** 0: there is none yet. */
async function versionOf(client: ClientBase, schema: string): Promise<number> {
  // Asked of the catalog itself: to_regclass may answer from a cache that has not heard yet of what was committed while this waited for the lock.
  const found = await client.query(
    `select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace where n.nspname = $1 and c.relname = 'migrations'`,
    [schema],
  )
  if (found.rows.length === 0) return 0
  const { rows } = await client.query<{ version: number }>(`select coalesce(max(version), 0) as version from "${schema}".migrations`)
  return Number(rows[0]?.version)
}
