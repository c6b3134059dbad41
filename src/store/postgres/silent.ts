import type { Prepared } from './statements.ts'

/**
 * End the transactions of nodes of this role that hold stock and fell silent in the middle of a message, so many milliseconds ago ($1). PostgreSQL counts such a
 * connection as active, not as idle in transaction, and would wait for the rest as long as the connection seems to live: hours.
 */
export function endSilent(schema: string): Prepared {
  return {
    name: 'endSilent',
    text: `select pg_terminate_backend(a.pid) from pg_stat_activity a
      where a.datname = current_database() and a.usename = current_user and a.pid <> pg_backend_pid()
        and a.state = 'active' and a.wait_event = 'ClientRead' and a.state_change < clock_timestamp() - $1 * interval '1 millisecond'
        and exists (select from pg_locks l where l.pid = a.pid and l.relation = '"${schema}".stock'::regclass and l.mode = 'RowShareLock')`,
  }
}
